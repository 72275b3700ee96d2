from __future__ import annotations

import platform
from importlib import metadata

from effq_core.base.hardware import Hardware, describe, library_versions, relevant_flags


def test_this_machine_is_described_and_survives_json() -> None:
    here = describe()
    assert here.cpu
    assert here.logical_cores >= 1
    assert here.memory_bytes > 2**28
    assert here.python == platform.python_version()
    assert Hardware.from_dict(here.to_dict()) == here


def test_flags_are_read_on_x86_and_on_arm() -> None:
    x86 = "model name : X\nflags\t\t: fpu sse2 avx2 avx512f avx512_vnni hypervisor\n"
    arm = "processor : 0\nFeatures : fp asimd asimddp i8mm asimdhp fphp\n"
    assert relevant_flags(x86) == ("avx2", "avx512_vnni", "avx512f")
    assert relevant_flags(arm) == ("neon", "neon_dotprod", "neon_fp16", "neon_i8mm")
    assert relevant_flags("") == ()


def test_versions_are_those_of_the_installed_distributions() -> None:
    versions = library_versions()
    assert versions["ai-edge-litert"] == metadata.version("ai-edge-litert")
    assert versions["numpy"] == metadata.version("numpy")
