"""A fork while another thread asks: the child gets an answer, or is told to load anew."""

import subprocess
import sys

from support.patience import HANG_SECONDS

CODE = """
import os, sys, threading
from pocketrec.errors import InputError
from pocketrec.runtime import Recommender

recommender = Recommender.load(sys.argv[1])
expected = recommender.recommend([])
done = threading.Event()

def ask():
    while not done.is_set():
        recommender.recommend([])

threads = [threading.Thread(target=ask) for _ in range(2)]
for thread in threads:
    thread.start()
ends = []
for _ in range(10):
    child = os.fork()
    if not child:
        try:
            os._exit(0 if recommender.recommend([]) == expected else 1)
        except InputError:
            os._exit(0 if Recommender.load(sys.argv[1]).recommend([]) == expected else 1)
    ends.append(os.waitpid(child, 0)[1])
done.set()
for thread in threads:
    thread.join()
sys.exit(any(ends))
"""


def test_children_of_a_busy_process_answer(shop):
    subprocess.run([sys.executable, "-c", CODE, shop.bundle], check=True, timeout=HANG_SECONDS)
