"""What an app in Python imports: `from pocketrec.runtime import Recommender`."""

from .catalogue import Recommendation, UnknownItemWarning
from .events import Event, UnknownValueWarning
from .personal import Personal, RolledBackWarning
from .recommender import Recommender
from .session import Session

__all__ = [
    "Event",
    "Personal",
    "Recommendation",
    "Recommender",
    "RolledBackWarning",
    "Session",
    "UnknownItemWarning",
    "UnknownValueWarning",
]
