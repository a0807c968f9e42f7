"""What an app in Python imports: `from pocketrec.runtime import Recommender`."""

from .inputs import Event
from .personal import Personal
from .recommender import Recommendation, Recommender, UnknownItemWarning

__all__ = ["Event", "Personal", "Recommendation", "Recommender", "UnknownItemWarning"]
