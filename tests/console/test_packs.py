"""Modules joined into packs: whole, each once, and refused where they cannot be joined rightly."""

import pytest

from holdfast.console.assets import Assets
from holdfast.console.packs import START, pack_name, packs_of
from holdfast.console.screens import PLACES, SCREENS

ASSETS = Assets()


def pack(module: str) -> str:
    found = ASSETS.find(pack_name(module))
    assert found is not None, module
    return found.body.decode()


def test_every_screen_has_a_pack_of_all_that_it_needs_beside_what_all_screens_need() -> None:
    common = pack(START)
    for module in {f"screens/{each.module}" for each in (*SCREENS, *PLACES)}:
        own = pack(module)
        assert f'$define("{module}", ' in own
        for name in own.split('$open("')[1:]:
            module_there = f'$define("{name.partition(chr(34))[0]}", '
            assert (module_there in own) != (module_there in common), name[:60]
    assert '$define("screens/unit_here.js", ' in pack("screens/unit_here.js"), (
        "what is brought later comes in a pack, too"
    )


def test_what_modules_say_of_types_stays_at_home() -> None:
    assert "@typedef" not in pack(START)
    assert "@typedef" not in pack("screens/hotel_board.js")


def joined(**screens: str) -> str:
    modules = {START: "/** Starts. */\n", **{f"screens/{name}.js": text for name, text in screens.items()}}
    return packs_of(modules)["pack/screens-a.js"]


def test_modules_that_import_each_other_ask_for_functions_when_they_call_them() -> None:
    one = 'import { back } from "./b.js";\nexport function open() { back(); }\n'
    text = joined(a=one, b='import { open } from "./a.js";\nexport const back = () => open;\n')
    assert 'const back = (...given) => $open("screens/b.js").back(...given);' in text
    with pytest.raises(ValueError, match="back is no function"):
        joined(a=one, b='import { open } from "./a.js";\nexport const back = [open];\n')


@pytest.mark.parametrize("line", [
    'import everything from "./b.js";', 'import * as all from "./b.js";', "export default 1;", "export let count = 1;",
    'import { gone } from "./gone.js";',
])  # fmt: skip
def test_what_cannot_be_joined_rightly_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="screens/a.js"):
        joined(a=f"{line}\nexport function open() {{}}\n", b="export const back = 1;\n")
