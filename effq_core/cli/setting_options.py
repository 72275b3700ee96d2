"""Options made from what is known of the settings of an experiment."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import typer

from effq_core.base import formatting as fmt
from effq_core.experiment import Experiment
from effq_core.experiment.setting import Setting, walk

ASKED = tuple(each for each in walk(Experiment) if each.option)  # the settings that have an option


def parameter(setting: Setting) -> str:
    """Returns the name of the parameter an option's value is given to."""
    return setting.option.removeprefix("--").replace("-", "_")


def _help(setting: Setting) -> str:
    words = [setting.help]
    if setting.bounds and not setting.all:
        write: Callable[[Any], str] = fmt.count if setting.kind is int else fmt.rate_text
        words.append(" to ".join(map(write, setting.bounds)) + ".")
    if setting.optional and setting.nothing:
        words.append("Or all." if setting.all else f"Without: {setting.nothing}.")
    if names := ", ".join(setting.names()):
        words.append(f"There are: {names}.")
    if setting.many:
        words.append("Repeat it or separate values by commas.")
    return " ".join(words)


def option(setting: Setting, panel: str = "") -> inspect.Parameter:
    """Returns the parameter of a command that asks for one value of a setting."""
    kind: Any = str if setting.all else setting.kind
    if setting.many:
        kind = list[str]
    elif setting.choices:
        kind = Literal.__getitem__(tuple(map(str, setting.choices())))
    kind, default = (bool, False) if setting.is_part else (kind | None, None)
    words = _help(setting)
    shown = typer.Option(setting.option, help=words, rich_help_panel=panel or setting.panel)
    return _parameter(setting, kind, shown, default)


def several(setting: Setting, panel: str) -> inspect.Parameter:
    """Returns the parameter of a command that asks for several values of a setting."""
    words = setting.axis.help or setting.help
    names = [setting.option, *filter(None, [setting.axis.option])]
    if setting.choices:
        words += f" Choose from: {', '.join(map(str, setting.choices()))}."
    shown = typer.Option(*names, help=words, rich_help_panel=panel)
    return _parameter(setting, list[str] | None, shown, None)


def _parameter(setting: Setting, kind: Any, shown: Any, default: Any) -> inspect.Parameter:
    annotation = Annotated[kind, shown]
    return inspect.Parameter(
        parameter(setting), inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


class WithOptions:
    """A command whose ``**chosen`` stands for options; they are made when it is called for."""

    def __init__(
        self, function: Callable[..., None], options: Callable[[], Iterable[inspect.Parameter]]
    ) -> None:
        functools.update_wrapper(self, function)
        self._function, self._options = function, options

    @property
    def __signature__(self) -> inspect.Signature:
        kept = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in inspect.signature(self._function, eval_str=True).parameters.values()
            if each.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        return inspect.Signature([*self._options(), *kept])

    def __call__(self, **values: Any) -> None:
        """Runs the command."""
        self._function(**values)


def with_options(
    options: Callable[[], Iterable[inspect.Parameter]],
) -> Callable[[Callable[..., None]], WithOptions]:
    """Returns a decorator of a command; the options are what its ``**chosen`` stands for."""
    return lambda function: WithOptions(function, options)
