"""Files of secrets and trust: who else could change or read them.

A password, a token or a key that others can write is refused before a run begins: it would be
theirs, and what root is led to by a link would be sent as one. What others can read works all the
same, and so do certificates that they can write: `check` says so. Judged for the user that works on
state, whose files root uses as well.
"""

import os
from collections.abc import Iterator

from batchlog.config.schema import Settings
from batchlog.errors import ConfigError
from batchlog.segments.findings import Finding, error, warning
from batchlog.smallfile import is_null_device
from batchlog.state.owners import Thing
from batchlog.state.rights import User, ourselves
from batchlog.state.way import judge_file, readers_of, user_of

SECRETS = ("password_file", "bearer_token_file", "key_file")
TRUSTED = ("ca_file", "cert_file")


def demand_safe_secrets(settings: Settings, checkpoint: str) -> None:
    """Raise a ConfigError for the first secret that somebody else could write or replace."""
    for name, path in _given(settings, SECRETS):
        demand_safe(name, path, checkpoint)


def demand_safe(name: str, path: str, checkpoint: str) -> None:
    """Raise a ConfigError where somebody else could write or replace the file at `path`."""
    for refusal in judge_file(path, _thing(name), _user(checkpoint)).refusals:
        raise ConfigError(refusal)


def findings(settings: Settings, checkpoint: str) -> Iterator[Finding]:
    """Yield what is wrong with the files that secrets and trust come from."""
    user = _user(checkpoint)
    for name, path in _given(settings, SECRETS):
        judgement = judge_file(path, _thing(name), user)
        yield from map(error, judgement.refusals)
        yield from map(warning, judgement.warnings)
        others = readers_of(path, user)
        if others:
            yield warning(f"{name} {path} can be read by {others}; chmod 0600 {path}, or 0640")
    trusted = [*_given(settings, TRUSTED)]
    if settings.source is not None and not is_null_device(settings.source):
        trusted.append(("the configuration", settings.source))
    for name, path in trusted:
        yield from map(warning, judge_file(path, _thing(name), user).refusals)


def _given(settings: Settings, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        path: str | None = getattr(settings.gateway, name)
        if path is not None:
            yield f"gateway.{name}", path


def _thing(name: str) -> Thing:
    return Thing(name, "put it elsewhere", "give it to the user that runs this, or to root (chown)")


def _user(checkpoint: str) -> User:
    try:
        return user_of(os.path.dirname(checkpoint))
    except OSError:  # the state directory cannot be looked at, which a run says
        return ourselves()
