"""Where tasks are carried out: in this process, in several, or on a Dask cluster.

All of them stand behind the interface of `concurrent.futures.Executor`, and give the same results
in the same order: who asks for them need not know which it was.
"""

from batchlog.engines.connect import Tls
from batchlog.engines.open import Engine, open_window
from batchlog.engines.task import Done, Task
from batchlog.engines.window import Window

__all__ = ["Done", "Engine", "Task", "Tls", "Window", "open_window"]
