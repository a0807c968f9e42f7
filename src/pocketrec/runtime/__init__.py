"""What an app in Python imports: `from pocketrec.runtime import Recommender`."""

from .recommender import Recommendation, Recommender, UnknownItemWarning

__all__ = ["Recommendation", "Recommender", "UnknownItemWarning"]
