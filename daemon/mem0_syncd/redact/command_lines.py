"""Passwords on command lines, which a program's option marks, and not a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from mem0_syncd.redact.finding import Finding
from mem0_syncd.redact.heuristics import is_random, is_stand_in, is_uuid

PASSWORD, URL_PASSWORD = "password", "url-password"
_USERS = ("-u", "--user")
KINDS = {PASSWORD}

_ON = r"[^\n|;&]{0,200}?\s"
_VALUE = r"""["']?(?P<secret>[^\s"'`|;&<>]{4,256})"""
_STRICT = r"""["']?(?P<secret>[^\s"'`|;&<>-][^\s"'`|;&<>]{3,255})"""
_REGISTRIES = "docker|podman|helm|oc|az|oras|buildah|skopeo|crane|nerdctl|cf"
_LOGINS = "cargo|vault|npm|wandb|flyctl|railway|supabase|netlify|heroku|doppler"
_AUTHS = "snyk|semgrep|codecov|stripe|netlify|ngrok|gh|glab"
_CONFIGS, _NAMES = "npm|yarn|pnpm|composer|git|aws|poetry", "[tT]oken|secret|[kK]ey|[pP]ass|[aA]uth"
_AS_USER = (
    r"""(?<![\w-])(?:-[uU]|--(?:proxy-)?user)[\ =]?["']?[^\s:"'/=-][^\s:"'/]{0,64}:"""
    r"""(?P<secret>[^\s"'`]{6,256})"""
)

# [a word that must be there, the program and its options before the password].
_COMMANDS: tuple[tuple[str, str], ...] = (
    ("mysql", rf"\bmysql\w*{_ON}-p(?=\S){_VALUE}"),
    ("mariadb", rf"\bmariadb\S*{_ON}-p(?=\S){_VALUE}"),
    ("sshpass", rf"\bsshpass\s+-p\s?{_STRICT}"),
    ("redis-cli", rf"\bredis-cli{_ON}(?:-a|--pass)\s+{_STRICT}"),
    (" login", rf"\b(?:{_REGISTRIES})\b[\w\s]{{0,20}}\slogin{_ON}-p\s+{_STRICT}"),
    ("mongo", rf"\bmongo\w*{_ON}-p\s*{_STRICT}"),
    ("-u", _AS_USER),
    ("--user", r"""--(?:proxy-)?user[\ =]["']?[^\s:"'/]{1,64}:(?P<secret>[^\s"'`]{6,256})"""),
    (
        "http",
        r"""\bhttps?\s[^\n|;&:]{0,100}?-(?:a|-auth)[\ =]["']?[^\s:"'/]{1,64}:(?P<secret>[^\s"'`]{4,256})""",
    ),
    ("ldap", rf"\bldap\w+{_ON}-w\s*{_STRICT}"),
    ("smb", r"""\bsmb\w+[^\n|;&]{0,200}?\s-U\s*["']?[^\s%"']{1,64}%(?P<secret>[^\s"'`|;&]{4,256})"""),
    ("net use", r"""\bnet use\s+\S{2,100}\s+(?!/)(?P<secret>[^\s"']{4,128})\s+/user"""),
    ("/user:", r"""/user:\S{1,64}\s+(?!/)(?P<secret>[^\s"']{4,128})"""),
    ("/p:", rf"""\b(?:xfreerdp\S*|wfreerdp|msdeploy){_ON}/p:["']?(?P<secret>[^\s"']{{4,128}})"""),
    ("rdesktop", rf"\brdesktop{_ON}-p\s*{_STRICT}"),
    ("-P", rf"\b(?:sqlcmd|bcp|osql|mosquitto_\w+|zip|unzip|tsql){_ON}-P\s*{_STRICT}"),
    (
        "htpasswd",
        rf"\bhtpasswd\s[^\n|;&]{{0,60}}?-\w*b\w*\s(?:-\w\s)*\S{{1,100}}\s+[\w.@-]{{1,64}}\s+{_STRICT}",
    ),
    ("chpasswd", r"""[\w.-]{1,40}:(?P<secret>[^\s"'`|]{4,128})["']?\s*\|\s*(?:sudo\s+)?chpasswd"""),
    ("--stdin", r"""\becho\s+(?:-n\s+)?["']?(?P<secret>[^\s"'`|$]{4,256})["']?\s*\|\s*(?:sudo\s+)?passwd"""),
    (
        "-stdin",
        r"""\becho\s+(?:-n\s+)?["']?(?P<secret>[^\s"'`|$]{4,256})["']?\s*\|[^\n|]{1,80}--\w{0,20}-stdin""",
    ),
    ("7z", rf"\b7z[ar]?{_ON}-p{_VALUE}"),
    ("rar", rf"\b(?:un)?rar{_ON}-h?p{_VALUE}"),
    ("pass:", rf"\bopenssl{_ON}(?:-\w+\s+)?pass:{_VALUE}"),
    ("-k", rf"\bopenssl\s+enc{_ON}-k\s+{_STRICT}"),
    ("twine", rf"\btwine{_ON}-p\s+{_STRICT}"),
    ("az ", rf"\baz\s+login{_ON}-p\s+{_STRICT}"),
    ("ipmitool", rf"\bipmitool{_ON}-P\s+{_STRICT}"),
    ("svn", rf"\bsvn{_ON}--password\s+{_STRICT}"),
    ("lftp", r"""\blftp\s[^\n|;&]{0,100}?-u\s+["']?[^\s,"']{1,64},(?P<secret>[^\s"'`]{4,128})"""),
    ("requirepass", rf"\brequirepass\s+{_STRICT}"),
    ("user ", r"""(?:^|\n)[ \t]*user\s+\S{1,64}\s+on\s+(?:\S{1,20}\s+){0,3}>(?P<secret>[^\s"']{4,256})"""),
    ("IDENTIFIED", r"""\bIDENTIFIED\s+(?:WITH\s+\S{1,40}\s+)?BY\s+["'](?P<secret>[^\s"']{4,128})["']"""),
    ("identified", r"""\bidentified\s+(?:with\s+\S{1,40}\s+)?by\s+["'](?P<secret>[^\s"']{4,128})["']"""),
)

# The same for options that take a token: the value must look random.
_TOKENS: tuple[tuple[str, str], ...] = (
    ("login", rf"\b(?:{_LOGINS})\s+login\s+(?:-\S+\s+){{0,3}}{_STRICT}"),
    ("auth", rf"\b(?:{_AUTHS})\s+(?:config\s+)?(?:auth|authtoken)\s+{_STRICT}"),
    ("add-authtoken", rf"\bngrok\s+config\s+add-authtoken\s+{_STRICT}"),
    ("-t ", rf"\b(?:doctl|sentry-cli|codecov|influx|hcloud|vercel){_ON}-t\s+{_STRICT}"),
    ("-k ", rf"\b(?:nuget|dotnet|gem|datadog-ci){_ON}-k\s+{_STRICT}"),
    (" alias set", rf"\bmc\s+alias\s+set\s+\S+\s+\S+\s+\S+\s+{_STRICT}"),
    ("secret set", rf"\b(?:gh|glab|wrangler|fly)\s+secrets?\s+set\s+\S+\s+(?:--body|-[bv])[\s=]{_STRICT}"),
    ("config", rf"\b(?:{_CONFIGS})\s+config(?:ure)?\s+(?:set\s+)?\S*(?:{_NAMES})\S*\s+(?:\S+\s+)?{_STRICT}"),
    ("setup-token", rf"\bsetup-token\s+{_STRICT}"),
)  # fmt: skip
_WITHOUT_OPTIONS = frozenset(
    {"net use", "/user:", "/p:", "chpasswd", "requirepass", "user ", "IDENTIFIED", "identified"}
)
_USUAL_STAND_IN = re.compile(
    r"pass(?:word|wd|phrase)?|pwd?|secret|token|your\S*|\d{1,5}(?::\d{1,5})?|%s|\*+|x+|\.+", re.IGNORECASE
)
_PLAIN_WORD = re.compile(r"[a-z]{1,24}(?:\.\w{1,5})?|/\S*")


def command_passwords(text: str) -> Iterator[Finding]:
    """The passwords, and tokens, that a program takes without a name."""
    if " " not in text:
        return
    has_options = " -" in text
    for sign, pattern in _COMMANDS:
        if (has_options or sign in _WITHOUT_OPTIONS) and sign in text:
            for match in _compiled(pattern).finditer(text):
                if _is_given(match["secret"]):
                    yield Finding(URL_PASSWORD if sign in _USERS else PASSWORD, *match.span("secret"))
    for sign, pattern in _TOKENS:
        if sign in text:
            for match in _compiled(pattern).finditer(text):
                secret = match["secret"]
                if (is_random(secret) or is_uuid(secret)) and not is_stand_in(secret):
                    yield Finding(PASSWORD, *match.span("secret"))


def _is_given(secret: str) -> bool:
    plain = _USUAL_STAND_IN.fullmatch(secret) or _PLAIN_WORD.fullmatch(secret)
    return not plain and not secret.startswith(("$", "-")) and not is_stand_in(secret)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)
