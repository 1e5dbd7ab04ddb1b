"""What a browser sees at ``/``: a small page that says what runs here. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from proxy.backends.claude_cli.lease import Member

PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Status:
    """What the page shows. `login` names the credential, never its value; `problem` keeps chats from working.

    `unsupported` counts the options that requests asked for in vain. `members` are the processes, `limits` the most
    that there may be of something, and `missing` says what keeps chats from being answered now.
    """

    version: str
    url: str
    cli: str
    login: str
    models: Sequence[tuple[str, str]]
    example_model: str
    processes: str
    running: int
    waiting: int
    loaded: Sequence[str] = ()
    unsupported: Mapping[str, int] = field(default_factory=dict)
    simulated: bool = False
    problem: str = ""
    members: Sequence[Member] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


_STYLE = """
:root { color-scheme: light dark; --soft: color-mix(in srgb, currentColor 60%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; }
p.sub { color: var(--soft); margin-top: .2rem; }
.notice { border-left: 4px solid #c77700; padding: .4rem .8rem; background: color-mix(in srgb, #c70 12%, transparent); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--soft); font-weight: normal; }
th { color: var(--soft); }
pre { overflow-x: auto; padding: .8rem; background: color-mix(in srgb, currentColor 8%, transparent); }
"""


def page(status: Status) -> str:
    """The page as HTML; everything in it is escaped."""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(shown)}</td></tr>" for name, shown in status.models
    )
    facts = {
        "Claude CLI": status.cli,
        "Login": status.login,
        "Processes": status.processes,
        "Requests": f"{status.running} running, {status.waiting} waiting",
        "Loaded": ", ".join(status.loaded) or "none",
    }
    if status.unsupported:
        facts["Not honoured"] = ", ".join(f"{name} {count} ×" for name, count in sorted(status.unsupported.items()))
    items = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    body = f'{{"model":"{status.example_model}","messages":[{{"role":"user","content":"hello"}}]}}'
    example = f"curl {status.url}/api/chat -d '{body}'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>claude-ollama-server</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>Ollama is running</h1><p class='sub'>claude-ollama-server {escape(status.version)}: Claude behind the "
        "Ollama and OpenAI APIs</p>"
        "<p><a href='/chat'>Chat</a> · <a href='/dashboard'>Dashboard</a> · <a href='/docs'>API</a></p>"
        f"{_notices(status)}<dl>{items}</dl>"
        f"<h2>Models</h2><table><thead><tr><th>Name</th><th>Model</th></tr></thead><tbody>{rows}</tbody></table>"
        f"<h2>Try it</h2><pre tabindex='0'><code>{escape(example)}</code></pre></main></body></html>"
    )


def _notices(status: Status) -> str:
    notices = []
    if status.simulated:
        notices.append("<strong>Simulated answers.</strong> No Claude model is asked; this is the demo.")
    if status.problem:
        notices.append(f"<strong>Chats do not work yet:</strong> {escape(status.problem)}")
    return "".join(f"<p class='notice' role='status'>{notice}</p>" for notice in notices)
