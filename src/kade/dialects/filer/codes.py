"""The numbers by which this API tells what is wrong or remarkable (spec 2(f)), in our own words."""

from enum import IntEnum

from kade.core.errors import Code, KadeError, Reason


class FilerReason(Reason):
    """What only this API refuses."""

    WRONG_CUSTOMER = ("wrong_customer", Code.INVALID)
    BAD_TIME = ("bad_time", Code.INVALID)
    BAD_PAGE = ("bad_page", Code.INVALID)
    BAD_BOOLEAN = ("bad_boolean", Code.INVALID)
    NAME_IN_USE = ("name_in_use", Code.CONFLICT)
    HANDSHAKE_MISSING = ("handshake_missing", Code.UNAUTHENTICATED)
    PATH_MISSING = ("path_missing", Code.INVALID)
    BAD_PATH = ("bad_path", Code.INVALID)
    CUSTOM_ID_TOO_LONG = ("custom_id_too_long", Code.INVALID)
    EXTRA_TOO_LONG = ("extra_too_long", Code.INVALID)
    BAD_META = ("bad_meta", Code.INVALID)
    TAG_OF_WORDS = ("tag_of_words", Code.INVALID)
    TAGS_TOO_LONG = ("tags_too_long", Code.INVALID)
    ALL_NOT_ALLOWED = ("all_not_allowed", Code.INVALID)
    UNKNOWN_GROUP = ("unknown_group", Code.NOT_FOUND)
    CUSTOM_ID_IN_GROUP = ("custom_id_in_group", Code.CONFLICT)
    CUSTOM_ID_IN_USE = ("custom_id_in_use", Code.CONFLICT)
    GROUP_NAME_MISSING = ("group_name_missing", Code.INVALID)
    DIRECTORIES_MISSING = ("directories_missing", Code.INVALID)
    COPY_MISSING = ("copy_missing", Code.INVALID)
    KEEP_MISSING = ("keep_missing", Code.INVALID)
    PERIOD_MISSING = ("period_missing", Code.INVALID)
    RESYNC_MISSING = ("resync_missing", Code.INVALID)
    INSTALLATION_MISSING = ("installation_missing", Code.INVALID)
    NO_DIRECTORY = ("no_directory", Code.INVALID)
    DIRECTORIES_DIFFER = ("directories_differ", Code.INVALID)
    SHOWN_ELSEWHERE = ("shown_elsewhere", Code.INVALID)
    SEVERAL_SHOWN_ELSEWHERE = ("several_shown_elsewhere", Code.INVALID)
    SHOWN_IN_ANOTHER = ("shown_in_another", Code.INVALID)
    SAME_NAME = ("same_name", Code.INVALID)
    ALL_NOT_IN_HANDSHAKE = ("all_not_in_handshake", Code.FORBIDDEN)
    NEITHER_PATH_NOR_ID = ("neither_path_nor_id", Code.INVALID)
    UNKNOWN_FILE = ("unknown_file", Code.NOT_FOUND)
    DIRECTORY_MISSING = ("directory_missing", Code.INVALID)
    BAD_DIRECTORY = ("bad_directory", Code.INVALID)
    UNKNOWN_DIRECTORY = ("unknown_directory", Code.NOT_FOUND)
    KEY_MISSING = ("key_missing", Code.UNAUTHENTICATED)
    WRONG_KEY = ("wrong_key", Code.UNAUTHENTICATED)
    BLOCKED = ("blocked", Code.FORBIDDEN)
    NO_GROUPS_FOR_HANDSHAKE = ("no_groups_for_handshake", Code.INVALID)
    GROUPS_EMPTY = ("groups_empty", Code.INVALID)
    NO_GROUP_FOUND = ("no_group_found", Code.NOT_FOUND)
    NO_ACTIVE_GROUP = ("no_active_group", Code.CONFLICT)
    GROUP_MISSING = ("group_missing", Code.INVALID)
    NOTHING_DOWNLOADABLE = ("nothing_downloadable", Code.NOT_FOUND)
    FROM_WEBSITE = ("from_website", Code.FORBIDDEN)
    NO_COPY = ("no_copy", Code.NOT_FOUND)
    NOTHING_FOUND = ("nothing_found", Code.NOT_FOUND)
    DOWNLOADS_OFF = ("downloads_off", Code.FORBIDDEN)
    SEARCH_MISSING = ("search_missing", Code.INVALID)
    NO_KNOWN_FIELD = ("no_known_field", Code.INVALID)
    GROUP_NOT_IN_HANDSHAKE = ("group_not_in_handshake", Code.FORBIDDEN)
    NO_FOLDER_IN_GROUP = ("no_folder_in_group", Code.NOT_FOUND)
    NO_FOLDER = ("no_folder", Code.NOT_FOUND)
    SEVERAL_FILES = ("several_files", Code.CONFLICT)
    OUT_OF_RANGE = ("out_of_range", Code.INVALID)
    GROUP_DISABLED = ("group_disabled", Code.CONFLICT)
    GROUPS_INACTIVE = ("groups_inactive", Code.CONFLICT)
    NO_INSTALLATION = ("no_installation", Code.CONFLICT)
    ATTACHMENTS_MISSING = ("attachments_missing", Code.INVALID)
    TAG_TOO_LONG = ("tag_too_long", Code.INVALID)


NUMBERS: dict[FilerReason, int] = {
    FilerReason.WRONG_CUSTOMER: 0,
    FilerReason.BAD_TIME: 0,
    FilerReason.BAD_PAGE: 0,
    FilerReason.BAD_BOOLEAN: 0,
    FilerReason.NAME_IN_USE: 0,
    FilerReason.HANDSHAKE_MISSING: 102,
    FilerReason.PATH_MISSING: 103,
    FilerReason.BAD_PATH: 104,
    FilerReason.CUSTOM_ID_TOO_LONG: 105,
    FilerReason.EXTRA_TOO_LONG: 106,
    FilerReason.BAD_META: 107,
    FilerReason.TAG_OF_WORDS: 108,
    FilerReason.TAGS_TOO_LONG: 109,
    FilerReason.ALL_NOT_ALLOWED: 110,
    FilerReason.UNKNOWN_GROUP: 111,
    FilerReason.CUSTOM_ID_IN_GROUP: 112,
    FilerReason.CUSTOM_ID_IN_USE: 113,
    FilerReason.GROUP_NAME_MISSING: 115,
    FilerReason.DIRECTORIES_MISSING: 116,
    FilerReason.COPY_MISSING: 117,
    FilerReason.KEEP_MISSING: 118,
    FilerReason.PERIOD_MISSING: 119,
    FilerReason.RESYNC_MISSING: 120,
    FilerReason.INSTALLATION_MISSING: 121,
    FilerReason.NO_DIRECTORY: 122,
    FilerReason.DIRECTORIES_DIFFER: 123,
    FilerReason.SHOWN_ELSEWHERE: 124,
    FilerReason.SEVERAL_SHOWN_ELSEWHERE: 125,
    FilerReason.SHOWN_IN_ANOTHER: 126,
    FilerReason.SAME_NAME: 127,
    FilerReason.ALL_NOT_IN_HANDSHAKE: 128,
    FilerReason.NEITHER_PATH_NOR_ID: 129,
    FilerReason.UNKNOWN_FILE: 130,
    FilerReason.DIRECTORY_MISSING: 131,
    FilerReason.BAD_DIRECTORY: 132,
    FilerReason.UNKNOWN_DIRECTORY: 133,
    FilerReason.KEY_MISSING: 134,
    FilerReason.WRONG_KEY: 135,
    FilerReason.BLOCKED: 136,
    FilerReason.NO_GROUPS_FOR_HANDSHAKE: 137,
    FilerReason.GROUPS_EMPTY: 139,
    FilerReason.NO_GROUP_FOUND: 140,
    FilerReason.NO_ACTIVE_GROUP: 141,
    FilerReason.GROUP_MISSING: 142,
    FilerReason.NOTHING_DOWNLOADABLE: 143,
    FilerReason.FROM_WEBSITE: 145,
    FilerReason.NO_COPY: 147,
    FilerReason.NOTHING_FOUND: 148,
    FilerReason.DOWNLOADS_OFF: 149,
    FilerReason.SEARCH_MISSING: 150,
    FilerReason.NO_KNOWN_FIELD: 151,
    FilerReason.GROUP_NOT_IN_HANDSHAKE: 203,
    FilerReason.NO_FOLDER_IN_GROUP: 204,
    FilerReason.NO_FOLDER: 205,
    FilerReason.SEVERAL_FILES: 206,
    FilerReason.OUT_OF_RANGE: 207,
    FilerReason.GROUP_DISABLED: 208,
    FilerReason.GROUPS_INACTIVE: 209,
    FilerReason.NO_INSTALLATION: 210,
    FilerReason.ATTACHMENTS_MISSING: 211,
    FilerReason.TAG_TOO_LONG: 212,
}


class Remark(IntEnum):
    """Warnings: what was asked for was done, but."""

    GENERAL = 0
    FORCED = 1
    NOT_IN_GROUP = 2
    NOT_ANYWHERE = 3
    NO_SUCH_GROUP = 4
    CUSTOM_ID_KNOWN = 5
    CUSTOM_ID_QUEUED = 6
    PROCESSED = 7
    PROCESSED_IN_SEVERAL = 8
    QUEUED = 9
    NOT_BY_API = 10
    GROUP_EXISTS = 11
    NO_GROUP = 12
    NOTHING_TO_RENAME_IN_GROUP = 13
    NOTHING_TO_RENAME = 14
    SORT_BY = 15
    SORT_ORDER = 16
    LIMIT_TOO_LOW = 17
    LIMIT_TOO_HIGH = 18
    UNKNOWN_FIELD = 19
    PAGE_EMPTY = 20
    GROUP_BY_API = 21
    SERVICE_NOT_BY_API = 22


WARNINGS: dict[Remark, str] = {
    Remark.GENERAL: "{subject}.",
    Remark.FORCED: "The file was named by its CustomID and is removed for good.",
    Remark.NOT_IN_GROUP: "There is no such file in the file group{subject}.",
    Remark.NOT_ANYWHERE: "There is no such file{subject}.",
    Remark.NO_SUCH_GROUP: "There is no file group{subject}.",
    Remark.CUSTOM_ID_KNOWN: "The CustomID is that of this file, which is updated.",
    Remark.CUSTOM_ID_QUEUED: "The CustomID is that of a file that waits in the queue, which is updated.",
    Remark.PROCESSED: "The file was processed before, and is updated.",
    Remark.PROCESSED_IN_SEVERAL: "The file was processed before in{subject} file groups, and is updated.",
    Remark.QUEUED: "The file waits in the queue, and is updated there.",
    Remark.NOT_BY_API: "The installation does not process requests now: nothing was queued for{subject}.",
    Remark.GROUP_EXISTS: "The file group exists; its settings are updated.",
    Remark.NO_GROUP: "There is no such file group.",
    Remark.NOTHING_TO_RENAME_IN_GROUP: "There is no such file to rename in the file group.",
    Remark.NOTHING_TO_RENAME: "There is no such file to rename.",
    Remark.SORT_BY: "SortBy is none of Relevance, FileSize, Date: sorted by relevance.",
    Remark.SORT_ORDER: "SortOrder is neither DESC nor ASC: sorted in descending order.",
    Remark.LIMIT_TOO_LOW: "Limit is below 5: 5 is used.",
    Remark.LIMIT_TOO_HIGH: "Limit is above 250: 250 is used.",
    Remark.UNKNOWN_FIELD: "There is no field{subject} to return.",
    Remark.PAGE_EMPTY: "There is nothing on this page.",
    Remark.GROUP_BY_API: "The file group{subject} is processed by the API: it is not synchronised.",
    Remark.SERVICE_NOT_BY_API: "The service of this path in{subject} is not processed by the API.",
}

_G = FilerReason
TEXTS: dict[FilerReason, str] = {
    _G.WRONG_CUSTOMER: "CustomerID and Handshake do not belong together, or are not valid.",
    _G.BAD_TIME: "TimeOffset must be of the form 2026-01-31T12:00:00Z.",
    _G.BAD_PAGE: "Page must be a number from 1.",
    _G.BAD_BOOLEAN: "{subject} must be 1 or 0, true or false, yes or no.",
    _G.NAME_IN_USE: "Something else has that name.",
    _G.HANDSHAKE_MISSING: "Handshake is required.",
    _G.PATH_MISSING: "{subject} is required.",
    _G.BAD_PATH: "{subject} is no path of a file.",
    _G.CUSTOM_ID_TOO_LONG: "CustomID is longer than 255 characters.",
    _G.EXTRA_TOO_LONG: "ExtraContent is longer than 100,000 characters.",
    _G.BAD_META: "Meta must be a JSON object.",
    _G.TAG_OF_WORDS: "A tag is one word, without spaces, of at most 30 characters.",
    _G.TAGS_TOO_LONG: "All tags together are longer than 100,000 characters.",
    _G.ALL_NOT_ALLOWED: "Filer_ALL cannot be used in this request.",
    _G.UNKNOWN_GROUP: "There is no such file group.",
    _G.CUSTOM_ID_IN_GROUP: "Another file of the file group has this CustomID.",
    _G.CUSTOM_ID_IN_USE: "Another file has this CustomID.",
    _G.GROUP_NAME_MISSING: "FileGroup is required: the name of the file group.",
    _G.DIRECTORIES_MISSING: "Directories[] is required: the folders to process.",
    _G.COPY_MISSING: "CopyFiles is required: whether files are copied.",
    _G.KEEP_MISSING: "KeepDeleted is required: whether deleted files are kept.",
    _G.PERIOD_MISSING: "KeepDeletedDays is required: for how many days deleted files are kept.",
    _G.RESYNC_MISSING: "Resynchronize is required: whether the folders are read again.",
    _G.INSTALLATION_MISSING: "Installation is required: the name of the installation.",
    _G.NO_DIRECTORY: "Directories[] names no folder.",
    _G.DIRECTORIES_DIFFER: "There must be as many ShowDirectories[] as Directories[].",
    _G.SHOWN_ELSEWHERE: "The folder to show must lie in the folder to process.",
    _G.SEVERAL_SHOWN_ELSEWHERE: "A folder to show lies in none of the folders to process.",
    _G.SHOWN_IN_ANOTHER: "A folder to show lies in another folder to process than its own.",
    _G.SAME_NAME: "The file is called so already.",
    _G.ALL_NOT_IN_HANDSHAKE: "Filer_ALL needs a handshake that was asked for with Filer_ALL.",
    _G.NEITHER_PATH_NOR_ID: "FilePath or CustomID is required.",
    _G.UNKNOWN_FILE: "There is no such file in the file group.",
    _G.DIRECTORY_MISSING: "Directory is required.",
    _G.BAD_DIRECTORY: "Directory is no path of a folder.",
    _G.UNKNOWN_DIRECTORY: "There is no such folder.",
    _G.KEY_MISSING: "SecretKey is required.",
    _G.WRONG_KEY: "CustomerID and SecretKey do not belong together, or are not valid.",
    _G.BLOCKED: "The account is blocked.",
    _G.NO_GROUPS_FOR_HANDSHAKE: "FileGroups[] is required: what the handshake is for.",
    _G.GROUPS_EMPTY: "FileGroups[] names no file group.",
    _G.NO_GROUP_FOUND: "There is none of these file groups.",
    _G.NO_ACTIVE_GROUP: "There is no active file group.",
    _G.GROUP_MISSING: "FileGroup is required.",
    _G.NOTHING_DOWNLOADABLE: "No copy of the file is kept, and so none of its attachments.",
    _G.FROM_WEBSITE: "Files of websites cannot be downloaded.",
    _G.NO_COPY: "No copy of the file is kept that could be downloaded here.",
    _G.NOTHING_FOUND: "There is no such file.",
    _G.DOWNLOADS_OFF: "Downloads are not allowed.",
    _G.SEARCH_MISSING: "Search is required: what to look for.",
    _G.NO_KNOWN_FIELD: "ReturnFields[] names no field that there is.",
    _G.GROUP_NOT_IN_HANDSHAKE: "The file group{subject} is not part of the handshake.",
    _G.NO_FOLDER_IN_GROUP: "No folder of the file group contains this path.",
    _G.NO_FOLDER: "No folder of any file group contains this path.",
    _G.SEVERAL_FILES: "Several files have this CustomID.",
    _G.OUT_OF_RANGE: "{subject} is not a number of the allowed range.",
    _G.GROUP_DISABLED: "The file group{subject} is disabled.",
    _G.GROUPS_INACTIVE: "All these file groups are inactive.",
    _G.NO_INSTALLATION: "The file group is not linked to an installation.",
    _G.ATTACHMENTS_MISSING: "AttachmentNames[] is required.",
    _G.TAG_TOO_LONG: "A tag has at most 30 characters and no spaces.",
}


def refusal(reason: FilerReason, subject: str = "") -> KadeError:
    """What to raise."""
    return KadeError(reason, subject)
