"""The web page: score one rewrite or compare systems. Start it with `python app.py`.

It asks no other host for anything and keeps nothing. `GRADIO_SERVER_PORT` and
`GRADIO_SERVER_NAME` say where it listens. `TOXICITY_J_DOWNLOADS=1` lets protocols
download their models from the Hugging Face Hub.
"""

from __future__ import annotations

import os
import threading

# Read when the libraries are imported: no usage reports, and no downloads that a
# visitor could start.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
if os.environ.get("TOXICITY_J_DOWNLOADS") != "1":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")

from starlette.middleware import Middleware  # noqa: E402

from space import pair  # noqa: E402
from space.examples import PAIRS  # noqa: E402
from space.limits import MAX_FILE_BYTES, MAX_WAITING  # noqa: E402
from space.models import Choice  # noqa: E402
from space.page import build  # noqa: E402
from space.server import SecurityHeaders  # noqa: E402
from space.theme import CSS, theme  # noqa: E402


def warm_up() -> None:
    """Load the built-in models and score a pair, so that no visitor waits for it."""
    _, source, rewrites = PAIRS[0]
    pair.show(source, pair.rewrites_of(rewrites), Choice())


def main() -> None:
    """Serve the page until interrupted."""
    page = build().queue(max_size=MAX_WAITING, default_concurrency_limit=2)
    page.launch(
        theme=theme(),
        css=CSS,
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
        prevent_thread_lock=True,
        max_file_size=MAX_FILE_BYTES,
        state_session_capacity=200,
        app_kwargs={
            "middleware": [Middleware(SecurityHeaders)],
            "docs_url": None,
            "redoc_url": None,
        },
    )
    # Only now: gradio gives the server three seconds to answer a first request.
    threading.Thread(target=warm_up, daemon=True).start()
    page.block_thread()


if __name__ == "__main__":
    main()
