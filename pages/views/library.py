"""Library: models, photos and runs on this machine."""

import streamlit as st

from effq_core.photos.catalogue import available
from pages.ui.common import session
from pages.ui.common.show import guard, page_head
from pages.ui.library.cards import show_datasets, show_models
from pages.ui.library.folder import show_add_folder
from pages.ui.library.model import show_add_model, show_ready_files
from pages.ui.library.runs import show_health, show_runs, show_space
from pages.ui.library.upload import show_add_photos

page_head("Library", "What is on this machine, where does it come from, and what can go?")

with guard():
    show_space()

st.header("Models", anchor="models")
with guard():
    show_models()

model_box = st.expander("Add a model", icon=":material/model_training:", key="library_model_box")
with model_box, guard():
    show_add_model()
with guard():
    show_ready_files()

st.header("Photos", anchor="photos")
with guard():
    show_datasets(available(session.home()))
upload_box = st.expander(
    "Upload photos", icon=":material/add_photo_alternate:", key="library_upload_box"
)
with upload_box, guard():
    show_add_photos()
folder_box = st.expander(
    "Add a folder of photos", icon=":material/create_new_folder:", key="library_folder"
)
with folder_box, guard():
    show_add_folder()

st.header("Runs", anchor="runs")
with guard():
    show_runs()

with guard():
    show_health()
