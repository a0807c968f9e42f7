"""What an app in Python imports: `from pocketrec.runtime import Recommender`."""

from .catalogue import Recommendation, UnknownItemWarning
from .inputs import Event, UnknownValueWarning
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
