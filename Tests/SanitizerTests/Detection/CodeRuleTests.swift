internal import TestSupport
internal import Testing

@testable internal import Sanitizer

/// Code, logs and documentation, wherever they stand: what only looks like a name with its secret, and beside it what is one.
@Suite struct CodeRuleTests {
    typealias Case = StructuralRuleTests.Case

    static let negatives: [(String, String)] = [
        // Declarations, pointers, types, calls.
        (
            "a.md",
            "struct CoroElidePass : PassInfoMixin<CoroElidePass> {\nclass SinkingPass : public PassInfoMixin<SinkingPass> {\n"
        ),
        ("a.log", "namespace llvm {  struct TailCallElimPass : PassInfoMixin<TailCallElimPass> {   Preserved\n"),
        (
            "a.yaml",
            "  text: |\n    FunctionPass *createX2Pass();\n    char *keepalives_interval;\n    Key* make_key1(int n);\n"
        ),
        (
            "a.jsonl",
            #"{"content":"class Ed448PrivateKey(metaclass=abc.ABCMeta):\n    @classmethod\n    def token(x):\n"}"#
        ),
        ("a.md", "self.client_secret = kwargs.get('client_secret')\npre_token = cls._process_token(tdef[1])\n"),
        (
            "a.md",
            "private_key: ed25519.Ed25519PrivateKey, data: bytes\nprivate_key = ed25519.Ed25519PrivateKey.from_bytes(x)\n"
        ),
        ("a.py", "LOOP_PASS(\"loop-reduce\", LoopStrengthReducePass, ())\nFUNCTION_PASS(\"ee-instrument\", X, ())\n"),
        // Definitions, constants, operators.
        (
            "a.md",
            "#define hmac_sha256_set_key nettle_hmac_sha256_set_key\n#define NEW_SESSION_TICKET 0x2000\n#define CKA_KEY 0xce534353UL\n"
        ),
        ("a.md", "#define SSL_TXT_kPSK \"kPSK\"\n#define SN_kx_psk \"KxPSK\"\n#define TXT_PSK \"PSK-AES128-CCM\"\n"),
        (
            "a.md",
            "if token == END_ELEMENT: x\n$auth =~ s/%([0-9A-Fa-f]{2})/chr(hex($1))/eg;\nauth_pw |= 4;\n$pw->shell || '/bin/sh'\n"
        ),
        ("a.sh", "dir=$(cd \"$d\" && pwd) || exit 1\n"),
        ("a.jsonl", #"{"content":"error = ask(&password, \"Password:\", 1)) < 0"}"#),
        (
            "a.js",
            "x = {passwordLabel:\"Password:\",rememberMeLabel:\"Remember me:\"}; this.addPassword = \"#add-password\";\n"
        ),
        ("a.md", "_HOST_PAT = (\"^(%s|%s)(?::0*?(|0|[1-9][0-9]{0,4}))?$\")\n"),
        ("a.xml", "<AuthenticationStatement AuthenticationInstant=\"2002-04-18T16:56:53Z\">\n"),
        ("a.html", "#include <pwd.h>\n#include <grp.h>\nC<passwd>,\nC<gecos>, and C<shell>\n"),
        // Tables that are none.
        (
            "a.yaml",
            "    syntax keyword gpInterfaceKey\tTeXstyle timer\n  id: 335a76006b4a\njob_572119657:\n  name: inbox-130\n"
        ),
        (
            "a.yaml",
            "    P11KitPin*            p11_kit_pin_ref            (P11KitPin *pin);\n\n  id: fa4074e9e310\njob_355898648:\n"
        ),
        ("a.md", "char *gr_passwd;\t\t/* Password.\t*/\n__gid_t gr_gid;\t\t/* Group ID.\t*/\n"),
        ("a.md", "stmt: (expr_stmt | del_stmt | pass_stmt | flow_stmt |\n      import_stmt)\n"),
        // Logs, lists and packages.
        ("a.log", "2026-11-01 03:01 WARNING gateway.telegram: ZH6thaxjG7efM3beaYvzrvOcS/lpaso7GMEZpn4 and more\n"),
        ("a.log", "PASS: gdb.base/line2.exp: print 1\nPASS: gdb.base/line2.exp: print 2\n--- PASS: TestX2 (0.00s)\n"),
        ("manifest", "one-password:f996dd9487260468ff01c6aee7b15437\ntwo:d50de2b26a4ee77d6d2dd29798219704\n"),
        ("RECORD", "pip/_vendor/requests/auth.py,sha256=h-HLlVx9j8rKV5hfSAycP2ApOSglTz77R0tz7qCbbEE,10187\n"),
        ("a.json", "{\"NextToken\": \"eyJNYXJrZXIiOiBudWxsLCAiYm90b190cnVuY2F0\", \"minipass\": \"^3.0.3\"}\n"),
        ("a.json", "{\"AWS::IAM::AccessKey\": \"62d91b17309e76c8\", \"lastmodified\": \"2026-05-19T14:43:34Z\"}\n"),
        (
            ".env",
            "RECAPTCHA_SITE_KEY=6LBWgEdHAAAAARCAcyl60gBuDdFrswVEMcXy7oHN\nENV PASSWORD_FILE=/run/secrets/pw TTL=3600\n"
        ),
        (
            "a.log",
            "docker://node:24.19.0-bookworm@sha256:934240a162082fd8b8a2f90cd5114446443f1eba1c5378f6687167ca405e6584\n"
        ),
        (
            "a.md",
            "passwords for PKCS5 encryption\n\\param pwd   Latin1-encoded password\nechoed with the password to the terminal!\n"
        ),
        ("a.log", "INFO password=******** user=jonas\n"),
        // Manuals and lists of changes.
        (
            "a.md",
            "* man/pl/passwd.1: cleanups\n(get_user_pwd): Don't define it\n/etc/security/passwd: Permission denied\n"
        ),
        (
            "a.md",
            "  --passwd=FILE\nset --user and --pass flags.\n--ask-password but now it wins\npw_name:pw_passwd:UID:GID:home\n"
        ),
        (
            "a.md",
            "the password is locked\\&.\npassword \\fIstring\\fR\nRenamed ftp_passwd to ftp_password and more\n"
        ),
        ("a.md", "* windows/Makefile.*: cleanup\nroot: closes Bug#66068, gtk#4400\nswitch to tclWin32Dll.c here\n"),
        ("a.md", "translation of the passwords to UTF8.\n pwd.h |  40 ++--\nwe added\n  password support.\n"),
    ]

    @Test(arguments: negatives) func leavesCode(_ name: String, _ text: String) throws {
        #expect(try findings(text, try TokenRuleTests.detector.get(), name: name) == [])
    }

    static let positives: [Case] = [
        Case("a.c", "#define WIFI_PASS \"@@\"\n", .typed),
        Case("a.md", "DEBUG_PASS=@@\n", .typed),
        Case("a.md", "db_pass: @@\n", .words),
        Case("a.tsv", "host\tuser\tpassword\nnas\tkim\t@@\n", .typed),
        Case("a.md", "HOST   USER   PASS\nnas    kim    @@\n", .typed),
        Case("a.md", "| Host | Password |\n|---|---|\n| nas | @@ |\n", .typed),
        Case("a.md", "if (token == \"@@\") {\n"),
        Case("a.md", "token = process.env.TOKEN || \"@@\"\n"),
        Case("a.log", "2026-11-01 03:01 WARNING gateway.run: password=@@\n", .typed),
        Case("a.md", "**Password:** @@\n", .typed),
        Case("a.netrc", "machine a.example login kim\npassword @@\n", .typed),
        Case("a.json", "{\"session_token\": \"@@\"}\n"),
    ]

    @Test(arguments: positives) func findsTheSecretAndNothingElse(_ one: Case) throws {
        try one.expectNothingButTheSecret(seed: 8)
    }
}
