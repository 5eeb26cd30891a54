"""Places that are synchronised: folders, mailboxes and websites, behind the port ``Places``.

``places.py`` opens them. Each kind has a module for its place and others for what it speaks:

- a folder: ``folder.py``, ``folder_tree.py`` (the blocking part), ``watching.py``;
- a mailbox: ``mailbox.py``, ``imap.py`` (the line), ``imap_answers.py``, ``messages.py`` (names, dates);
- a website: ``website.py``, ``crawl.py`` (what is visited), ``fetching.py``, ``robots.py``, ``html.py``,
  ``sitemap.py``.
"""

from kade.sources.places import LocalPlaces, check_location

__all__ = ["LocalPlaces", "check_location"]
