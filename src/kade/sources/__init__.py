"""Places that are synchronised: folders, mailboxes and websites, behind the port ``Places``."""
