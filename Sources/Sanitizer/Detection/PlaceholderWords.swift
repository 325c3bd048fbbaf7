/// What people and programs write where a secret belongs.
enum PlaceholderWords {
    /// Words that, alone or joined, make a placeholder, a type, a constant or a sentence.
    static let words = """
        your my the a an some any this that example examples sample demo dummy fake foo bar baz qux foobar test testing tests tester
        changeme change me here goes insert enter put add replace replaceme with todo tbd fixme none null nil undefined empty blank
        true false yes no on off default unset missing unknown optional required redacted removed hidden masked censored placeholder
        string str int integer bool boolean bytes byte char text number float double object array list dict map set any void self this
        type types optional union literal final const var let func function def class struct enum interface public private static
        new await async return lambda get set put post delete value values key keys secret token password passwd pwd pass user username
        name id uuid hash hex base64 json yaml toml env environ environment process config configuration settings file path
        is are was not be been can must should will would and or if then else for from in of to as at by it its on when where which
        please provide ask see use using used stored store kept lives live set sets current invalid valid incorrect correct wrong
        bearer basic digest negotiate ntlm oauth oauth2 auth authorization access refresh client server api app application
        something anything nothing whatever auto automatic generated generate generator random input output prompt form login logout
        signin signup session cookie cookies header headers request response body query param params data content message
        hash hashed encrypted encryption encoded decoded plain plaintext strong weak simple long short old
        uint8array string arraybuffer promise keylike buffer option result vec record nullable uint uint8 int32 int64 size usize
        palavra keyring keychain vault 1password bitwarden lastpass keepass pass gopass age sops
        """

    static let referencePrefixes: [StaticString] = [
        "env:", "env.", "env(", "env[", "env(\"", "file:", "keyring:", "keychain:", "op://", "vault:", "vault://",
        "bw:", "pass:",
        "secret:", "secrets.", "secretref", "aws-sm:", "gcp-sm:", "gcpsm:", "awssm:", "azkv:", "kv:", "arn:aws",
        "projects/",
        "os.environ", "os.getenv", "process.env", "import.meta", "system.getenv", "getenv(", "environ", "envvar",
        "std::env",
        "deno.env", "bun.env", "rails.application", "enc[", "{cipher}", "$ansible_vault", "sops", "resolve:", "ref+",
        "ssm:",
        "self.", "this.", "args.", "opts.", "options.", "config.", "cfg.", "settings.", "params.", "data.", "var.",
        "local.", "module.",
        "each.", "request.", "req.", "res.", "ctx.", "event.", "props.", "state.", "app.config", "_env", "!env", "age1",
        "exec:", "scram-sha-",
        "&lt;", "&#", "cve-", "\\f", "\\(", "cmd:", "command:", "shell:", "prompt:", "ask:", "systemd:", "credential:",
        "/run/secrets", "/etc/", "/var/",
        "/home/", "/usr/",
        "/opt/", "/root/", "/tmp/", "/users/", "c:\\", "-----begin public", "-----begin certificate",
    ]

    static let exactStarts: [StaticString] = [
        "your-", "your_", "your ", "yourapi", "yourtoken", "yoursecret", "yourpass", "my-api", "my_api", "my-secret-",
        "insert",
        "replace_", "replace-", "replaceme", "change_me", "change-me", "changeme", "put-your", "put_your", "enter_",
        "enter-", "<your",
        "[your", "xxx", "todo", "tbd", "fixme", "dummy", "placeholder", "example", "sample", "fake-", "fake_",
        "test_token", "testtoken",
        "test-token", "none,", "not-a-real", "not_a_real", "notareal",
    ]

    static let inside: [StaticString] = [
        "your_", "your-", "_your", "-your", "_here", "-here", "placeholder", "changeme", "change_me", "change-me",
        "example_",
        "_example", "-example", "example-", "insert_", "insert-",
    ]

    static let fileEndings: [StaticString] = [
        ".json", ".yaml", ".yml", ".toml", ".pem", ".key", ".crt", ".txt", ".env", ".py", ".js", ".ts", ".md", ".html",
        ".php", ".pub",
        ".cfg", ".conf", ".ini", ".sh", ".log", ".db", ".sqlite", ".age", ".gpg", ".p12", ".pfx", ".jks", ".cer",
        ".git",
        ".der", ".xml", ".csv",
    ]

    static let idPrefixes: [StaticString] = [
        "req_", "msg_", "call_", "toolu_", "resp_", "fc_", "chatcmpl-", "run_", "thread_", "asst_", "file-", "batch_",
        "rs_", "ws_",
        "sha256", "sha384", "sha512", "sha1", "md5:", "urn:", "did:", "pk_live_", "pk_test_", "pubkey-", "cus_", "sub_",
        "evt_",
        "ch_", "pi_", "in_", "s-1-", "stmt",
        "prod_", "price_", "session_", "conv_", "user_", "org-", "proj_", "gen-", "step_", "srvtoolu_", "msgbatch_",
        "container_", "cs_test_", "cs_live_", "dpl_", "prj_", "sess_", "ses_", "seti_", "ftjob-", "chunk-", "gh-",
        "v1-",
        "ssh-", "bytes:", "int:", "text/", "image/", "application/", "http:", "https:", "data:", "blob:", "file:",
        "agacag", "aaaac3nza", "aaaab3nza", "aaaae2vj", "npub1", "note1", "nevent1", "nprofile1", "naddr1", "rwq",
    ]
}
