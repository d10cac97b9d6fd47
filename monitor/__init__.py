"""GoneQuiet: notices when an e-mail campaign stops mailing, says through whose infrastructure it came, and shows its evidence."""

from importlib.metadata import version

__version__ = version("gonequiet")
