"""Photos in every way a file can hold one: what a person may hand to the programs of a bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

ORIENTATION = 0x0112


def write_photos(folder: Path) -> list[Path]:
    """Writes one photo a kind and returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    coffee = Image.fromarray(data.coffee())  # 600 × 400
    face = Image.fromarray(data.astronaut())
    grey = np.asarray(face.convert("L"))
    written = []

    def save(image: Image.Image, name: str, **options: object) -> None:
        image.save(folder / name, **options)
        written.append(folder / name)

    for orientation in (1, 3, 6, 7):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        save(coffee, f"turned {orientation}.jpg", exif=exif, quality=90)
    save(Image.fromarray(grey), "grey.png")
    save(coffee.quantize(64), "palette.png")
    save(coffee.quantize(64), "palette with a hole.png", transparency=3)
    save(coffee.convert("CMYK"), "print.jpg")
    see_through = coffee.convert("RGBA")
    see_through.putalpha(Image.linear_gradient("L").resize(coffee.size))
    save(see_through, "alpha.png")
    save(Image.fromarray(grey).convert("LA"), "grey alpha.png")
    save(Image.fromarray(grey.astype(np.uint16) * 201 + 7), "sixteen bits.png")
    save(Image.fromarray(grey.astype(np.float32) / 300), "floats.tiff")
    save(coffee.convert("1"), "one bit.bmp")
    save(coffee, "naïve [1] 100 %.webp")
    save(coffee, "animated.gif", save_all=True, append_images=[face.resize(coffee.size)])
    save(coffee.resize((1500, 30)), "strip.png")
    save(coffee.resize((9, 7)), "tiny.png")
    coffee.save(folder / "really a png.jpg", "PNG")
    return [*written, folder / "really a png.jpg"]
