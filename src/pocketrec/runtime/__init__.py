"""What an app in Python imports: `from pocketrec.runtime import Recommender`."""

from .inputs import Event, UnknownValueWarning
from .personal import Personal, RolledBackWarning
from .recommender import Recommendation, Recommender, UnknownItemWarning

__all__ = [
    "Event",
    "Personal",
    "Recommendation",
    "Recommender",
    "RolledBackWarning",
    "UnknownItemWarning",
    "UnknownValueWarning",
]
