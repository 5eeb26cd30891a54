"""Writes the sample files beside it: a PDF and a mail that carries it. The same bytes each time."""

from pathlib import Path

from kade.cli.demo.samples import write_mail, write_pdf

if __name__ == "__main__":
    folder = Path(__file__).parent
    write_pdf(folder / "delivery.pdf")
    write_mail(folder / "delivery.eml", folder / "delivery.pdf")
