"""A visitor without a browser: speaks the dashboard's own protocol, as its page in a browser does.

Twenty browsers on two cores would measure the browsers. This visitor opens the same websocket,
changes pages, sends files with the same protection, and repeats what repeats itself on a page (its
timers); it only draws nothing. Answers are decoded whole, so that an error shown on a page is seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

_PATIENCE = 60.0
_COOKIE = "_streamlit_xsrf"
BUSY = "is busy with"
"""Words of the message that asks to try again: no error."""


@dataclass
class Seen:
    """What one visitor has lived through.

    Attributes:
        changes: Seconds from asking for a page until its script had ended, by page.
        answers: Seconds from sending photos until they were answered.
        uploads: Seconds a photo took to be sent.
        watched: Seconds between two drawings of a part that draws itself again and again.
        errors: What must not happen, in words.
        busy: How often the dashboard asked to try again.
        received: Bytes.
    """

    changes: list[tuple[str, float]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    uploads: list[float] = field(default_factory=list)
    watched: int = 0
    errors: list[str] = field(default_factory=list)
    busy: int = 0
    received: int = 0


class Visitor:
    """One visitor; use as an asynchronous context manager.

    Args:
        url: The dashboard's.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen = Seen()
        self._socket: ClientConnection
        self._http = httpx.AsyncClient(base_url=url, timeout=_PATIENCE)
        self._pages: dict[str, str] = {}
        self._page = ""
        self._uploader = ""
        self._files: list[WidgetState] = []
        self._ended = asyncio.Event()
        self._urls: asyncio.Queue[list[tuple[str, str]]] = asyncio.Queue()
        self._run = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.Task[None]] = set()
        self._session = ""

    async def __aenter__(self) -> Visitor:
        await self._http.get("/_stcore/health")  # sets the cookie that protects uploads
        self._socket = await connect(
            self.url.replace("http", "ws", 1) + "/_stcore/stream",
            subprotocols=["streamlit", "PLACEHOLDER_AUTH_TOKEN"],
            max_size=None,
            open_timeout=_PATIENCE,
            ping_timeout=None,
        )
        self._start(self._listen(), self._tasks)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (*self._timers, *self._tasks):
            task.cancel()
        await self._socket.close()
        await self._http.aclose()

    async def open(self, page: str, query: str = "") -> None:
        """Changes to a page and waits until its script has ended.

        Args:
            page: As in its address.
            query: Of its address, after the question mark.
        """
        self._stop_timers()
        self._uploader, self._files = "", []
        message = BackMsg()
        state = message.rerun_script
        state.query_string = query
        if page in self._pages:
            state.page_script_hash = self._pages[page]
        else:
            state.page_name = "" if page == "overview" else page
        self._page = page
        self.seen.changes.append((page, await self._ask(message)))

    async def send(self, photos: Sequence[tuple[str, bytes]]) -> None:
        """Gives photos to the page's uploader and waits for what becomes of them.

        Args:
            photos: Names and contents.
        """
        if not self._uploader:
            self.seen.errors.append(f"{self._page}: no uploader")
            return
        begun = time.perf_counter()
        message = BackMsg()
        request = message.file_urls_request
        request.request_id, request.session_id = "1", self._session
        request.file_names.extend(name for name, _ in photos)
        await self._socket.send(message.SerializeToString())
        urls = await asyncio.wait_for(self._urls.get(), _PATIENCE)
        state = WidgetState(id=self._uploader)
        for (name, content), (file_id, address) in zip(photos, urls, strict=True):
            sent = time.perf_counter()
            token = self._http.cookies.get(_COOKIE, "").strip('"')
            answer = await self._http.put(
                address,
                files={"file": (name, content, "image/jpeg")},
                headers={"X-Xsrftoken": token},
            )
            if answer.status_code != 204:
                self.seen.errors.append(f"upload: {answer.status_code} {answer.text[:100]}")
                return
            self.seen.uploads.append(time.perf_counter() - sent)
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.file_id, info.name, info.size = file_id, name, len(content)
            info.file_urls.file_id = file_id
            info.file_urls.upload_url = info.file_urls.delete_url = address
        self._files = [state]
        message = BackMsg()
        message.rerun_script.page_script_hash = self._pages[self._page]
        message.rerun_script.widget_states.widgets.extend(self._files)
        await self._ask(message)
        self.seen.answers.append(time.perf_counter() - begun)

    async def _ask(self, message: BackMsg) -> float:
        self._ended.clear()
        begun = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        try:
            await asyncio.wait_for(self._ended.wait(), _PATIENCE)
        except TimeoutError:
            self.seen.errors.append(f"{self._page}: no answer within {_PATIENCE:.0f} s")
        return time.perf_counter() - begun

    async def _listen(self) -> None:
        try:
            async for data in self._socket:
                self.seen.received += len(data)
                message = ForwardMsg()
                message.ParseFromString(data if isinstance(data, bytes) else data.encode())
                self._take(message)
        except Exception as error:
            self.seen.errors.append(f"{self._page}: {type(error).__name__}: {error}")
            raise

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._session = message.new_session.initialize.session_id or self._session
        elif kind == "navigation":
            for page in message.navigation.app_pages:
                self._pages[page.url_pathname or "overview"] = page.page_script_hash
        elif kind == "delta":
            self._look(message)
        elif kind == "auto_rerun":
            timer = self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            self._start(timer, self._timers)
        elif kind == "file_urls_response":
            urls = message.file_urls_response.file_urls
            self._urls.put_nowait([(each.file_id, each.upload_url) for each in urls])
        elif kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self._ended.set()
            elif message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
                self.seen.watched += 1
            elif message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                self.seen.errors.append(f"{self._page}: its script does not compile")

    def _look(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.seen.errors.append(f"{self._page}: {element.exception.message[:200]}")
        elif kind == "alert" and BUSY in element.alert.body:
            self.seen.busy += 1
        elif kind == "alert" and element.alert.format == Alert.ERROR:
            self.seen.errors.append(f"{self._page}: {element.alert.body[:200]}")
        elif kind == "file_uploader" and self._page == "predictions":
            self._uploader = element.file_uploader.id

    async def _repeat(self, fragment: str, seconds: float) -> None:
        """Asks for a part of the page again and again, as its timer in a browser does."""
        while True:
            await asyncio.sleep(seconds)
            message = BackMsg()
            state = message.rerun_script
            state.page_script_hash = self._pages.get(self._page, "")
            state.fragment_id, state.is_auto_rerun = fragment, True
            state.widget_states.widgets.extend(self._files)
            await self._socket.send(message.SerializeToString())

    def _start(
        self,
        work: contextlib.AbstractAsyncContextManager[None] | object,
        into: set[asyncio.Task[None]],
    ) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[arg-type]
        into.add(task)
        task.add_done_callback(into.discard)

    def _stop_timers(self) -> None:
        for task in self._timers:
            task.cancel()
