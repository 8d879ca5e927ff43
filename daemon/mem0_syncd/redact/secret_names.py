"""The names that people give to secrets, and names with the same words that aren't a secret's."""

from __future__ import annotations

PASSWORDS = (
    *(
        "password",
        "passwort",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "kennwort",
        "contraseña",
        "wachtwoord",
    ),
    *("requirepass", "bindpw", "storepass", "keypass", "hasło", "senha", r"mot[_\ -]de[_\ -]passe"),
    *("pass", "pw", "psk", "presharedkey"),
)
SECRETS = (
    *("secret", "token", "credential", "cred", "key", "bearer", "salt", "cookie", "pat", "jwt", "auth"),
    *("signature", "sig", "subscription-key", "appid", "apikey", "identitytoken", "client-key-data"),
)

WHOLE_WORDS = frozenset(
    {"pass", "pw", "pat", "psk", "salt", "cookie", "cred", "jwt", "auth", "sig", "bearer", "key", "appid"}
)
"""Names that also end other words: bypass, monkey, asphalt. They stand alone, or as in `dbPass`."""

COMPOUNDS = frozenset(
    {
        *(
            "api",
            "access",
            "account",
            "secret",
            "private",
            "public",
            "master",
            "auth",
            "app",
            "service",
            "shared",
        ),
        *(
            "signing",
            "encryption",
            "license",
            "licence",
            "session",
            "client",
            "server",
            "admin",
            "deploy",
            "ssh",
        ),
        *("db", "user", "root", "my", "default", "store", "trust", "http", "https", "smtp", "ftp", "sftp"),
    }
)
"""Compounds with such an end, without capitals: `apikey`, `dbpass`."""

NO_SECRETS = frozenset(
    {
        *("primary", "foreign", "sort", "partition", "composite", "natural", "candidate", "unique", "cache"),
        *(
            "routing",
            "shard",
            "lookup",
            "object",
            "group",
            "order",
            "message",
            "dedupe",
            "dedup",
            "idempotency",
        ),
        *(
            "translation",
            "setting",
            "config",
            "index",
            "range",
            "hash",
            "join",
            "business",
            "surrogate",
            "row",
        ),
        *(
            "map",
            "sync",
            "public",
            "pub",
            "page",
            "next",
            "cursor",
            "continuation",
            "pagination",
            "resume",
            "pad",
        ),
        *(
            "mask",
            "start",
            "stop",
            "eos",
            "bos",
            "eot",
            "cls",
            "sep",
            "unk",
            "special",
            "design",
            "lock",
            "hot",
        ),
        *(
            "feature",
            "metric",
            "state",
            "path",
            "react",
            "limit",
            "registry",
            "arrow",
            "any",
            "function",
            "enter",
        ),
        *(
            "kms",
            "host",
            "tag",
            "label",
            "param",
            "header",
            "dict",
            "json",
            "recv",
            "field",
            "column",
            "block",
        ),
        *(
            "content",
            "item",
            "event",
            "entity",
            "document",
            "request",
            "correlation",
            "trace",
            "image",
        ),
        *(
            "file",
            "bucket",
            "blob",
            "upload",
            "query",
            "build",
            "job",
            "task",
            "queue",
            "topic",
            "s3",
            "redis",
        ),
        *("dedup", "partition", "clustering", "distribution", "deduplication", "consent", "color", "colour"),
    }
)
"""Before `key` or `token`, these make it a word of a schema, of a protocol, or of a user interface."""

BEHIND = (
    *(
        "id",
        "value",
        "base",
        "string",
        "text",
        "raw",
        "production",
        "prod",
        "staging",
        "stage",
        "dev",
        "test",
    ),
    *("live", "main", "old", "new", "env", "eu", "us", "hash", "digest"),
)
"""What may follow such a name and leave it one: `password_prod`, `key_id`, `secret_key_base`."""
