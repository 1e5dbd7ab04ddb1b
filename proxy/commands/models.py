"""`claude-ollama-server models`: the models that clients can ask for."""

from collections.abc import Mapping

from config import Settings
from proxy.app import open_daemon
from proxy.commands.columns import print_columns
from proxy.observe.log import configure_log


async def models(settings: Settings, environ: Mapping[str, str]) -> None:
    """Print the catalogue, with what the CLI and other servers add to it."""
    quiet = settings.model_copy(update={"spares": 0, "probe": False})
    configure_log("error", settings.log_format)
    async with open_daemon(quiet, environ) as daemon:
        await daemon.discovered.wait()
        await daemon.others.look_again()
        rows = [("NAME", "IS ASKED FOR AS", "MODEL", "CONTEXT")]
        rows += [(m.name, m.backend_model, m.display_name, f"{m.context_length:,}") for m in daemon.catalog.models]
    print_columns(rows)
