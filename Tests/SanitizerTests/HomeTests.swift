import Support
import SystemPackage
import TestSupport
import Testing
import Yams

@testable import Sanitizer

/// The sanitizer over the fixture home.
struct HomeTests {
    let folder: TemporaryDirectory
    let fixture: HermesHomeFixture

    init() throws {
        folder = try TemporaryDirectory()
        fixture = try HermesHomeFixture(at: folder.path.appending("home"), seed: 42)
    }

    private func stage() throws -> Staged { try Staged(makeSanitizer(), fixture.home, in: folder) }

    @Test("No plant survives in any form, in content, names, manifest")
    func nothingLeaks() throws {
        let staged = try stage()
        for forbidden in fixture.forbidden {
            for (path, bytes) in staged.files {
                #expect(!bytes.holds(forbidden.bytes), "\(forbidden.name) stands in \(printable(path))")
                #expect(!path.holds(forbidden.bytes), "\(forbidden.name) stands in the name of a file")
            }
        }
        // The fixture did plant something in every form, or the loop above proves nothing.
        let forms = Set(fixture.plants.map(\.form))
        #expect(
            forms.isSuperset(of: [
                "plain", "json", "jsonjson", "url", "hex", "base64", "base64line", "utf16", "gzip", "zip", "file-name",
            ]))
        for plant in fixture.plants where plant.form == "utf16" {
            #expect(staged.files.values.allSatisfy { !$0.holds(plant.bytes) })
        }
        #expect(staged.files[Array(Manifest.fileName.utf8)]?.isEmpty == false)
    }

    @Test("What holds no secret stays byte for byte")
    func cleanFilesStay() throws {
        let staged = try stage()
        for path in [
            "SOUL.md", "hooks/notify/HOOK.yaml", "profiles/coder/skills/review/SKILL.md", "notes/today.md",
            ".env.example",
            "skills/clean.zip", "skills/clean.txt.gz", "skills/.bundled_manifest", "active_profile",
            "skills/line\nbreak.md",
        ] {
            let original = try FileSystem.read(fixture.home.pushing(FilePath(path)), limit: 1 << 20)
            #expect(staged.files[Array(path.utf8)] == original, "\(path)")
            #expect(staged.entry(path)?.action == .keep)
        }
        let memory = try #require(staged.text("memories/MEMORY.md"))
        #expect(memory.contains("Port 4711 is the old printer; chat 471147114711 is the family."))
        #expect(memory.contains("4f2c1de09ab87c65d4e3f2a1b0c9d8e7f6a5b4c3, id 6c1f9a52-3b7d-4a11-9e0f-0d2b8c7a6e55"))
        #expect(staged.files[Array("skills/caf".utf8) + [0xE9] + Array(".md".utf8)] != nil)
    }

    @Test("config.yaml refers to variables and parses to the same tree otherwise")
    func config() throws {
        let staged = try stage()
        let text = try #require(staged.text("config.yaml"))
        let node = try #require(try Yams.compose(yaml: text))
        #expect(node["providers"]?["lab"]?["api_key"]?.string == "${HERMES_OPS_PROVIDERS_LAB_API_KEY}")
        #expect(node["providers"]?["free"]?["api_key"]?.string == "${FREE_API_KEY}")
        #expect(node["gateway"]?["email"]?["password"]?.string == "${HERMES_OPS_GATEWAY_EMAIL_PASSWORD}")
        #expect(
            node["mcp_servers"]?["search"]?["headers"]?["Authorization"]?.string
                == "Bearer ${HERMES_OPS_MCP_SERVERS_SEARCH_HEADERS_AUTHORIZATION}")
        #expect(node["mcp_servers"]?["linear"]?["env"]?["LOG_LEVEL"]?.string == "debug")
        #expect(
            node["mcp_servers"]?["warehouse"]?["args"]?[1]?.string
                == "postgresql://hermes:${HERMES_OPS_MCP_SERVERS_WAREHOUSE_ARGS_1}@db.example.org:5432/facts")
        #expect(node["browser"]?["camofox"]?["session_key"]?.string == "${HERMES_OPS_BROWSER_CAMOFOX_SESSION_KEY}")
        #expect(node["keybindings"]?["key"]?.string == "ctrl+shift+down")
        #expect(node["model"]?["max_tokens"]?.int == 8192)
        #expect(text.contains("# ask Uma before changing"))
        let variables = staged.tree.manifest.secretsToProvide.filter { $0.kind == .configuration }
        #expect(
            variables.contains {
                $0.name == "HERMES_OPS_PROVIDERS_LAB_API_KEY" && $0.location == "providers.lab.api_key"
                    && $0.file == "config.yaml"
            })
        #expect(
            variables.contains {
                $0.name == "HERMES_OPS_AUXILIARY_VISION_API_KEY" && $0.file == "profiles/coder/config.yaml"
            })
    }

    @Test("A variable that an earlier restore put into config.yaml is no other value's")
    func variablesThatStandThere() throws {
        let inline = "n8" + "Qv2Lx7Rz4Tk9Wm3Pb6Yc1Hd5Js0Gf"
        try fixture.write(
            "config.yaml",
            Array(
                """
                mcp_servers:
                  files:
                    command: npx
                    args: [--token, \(inline), --old-token, "${HERMES_OPS_MCP_SERVERS_FILES_ARGS_1}"]

                """.utf8))
        let text = try #require(try stage().text("config.yaml"))
        let arguments = try #require(try Yams.compose(yaml: text))["mcp_servers"]?["files"]?["args"]
        #expect(arguments?[1]?.string == "${HERMES_OPS_MCP_SERVERS_FILES_ARGS_1_2}")
        #expect(arguments?[3]?.string == "${HERMES_OPS_MCP_SERVERS_FILES_ARGS_1}")
    }

    @Test(".env becomes a template of names and comments")
    func template() throws {
        let staged = try stage()
        #expect(
            staged.text(".env.template") == """
                # Hermes' environment
                HERMES_MODEL=
                TERMINAL_TIMEOUT=
                TELEGRAM_ALLOWED_USERS=

                OPENROUTER_API_KEY=
                TELEGRAM_BOT_TOKEN=
                export MISTRAL_API_KEY=
                EMAIL_PASSWORD=
                SUDO_PASSWORD=
                API_SERVER_KEY=
                GITHUB_TOKEN=
                # OLD_API_KEY=

                """)
        #expect(staged.files[Array(".env".utf8)] == nil)
        #expect(staged.text("plugins/weather/.env.template") == "WEATHER_UNITS=\nWEATHER_PASSWORD=\n")
        let names = staged.tree.manifest.secretsToProvide.filter { $0.kind == .environment && $0.file == ".env" }.map(
            \.name)
        #expect(
            names.contains("OPENROUTER_API_KEY") && names.contains("TELEGRAM_BOT_TOKEN")
                && !names.contains("OLD_API_KEY"))
    }

    @Test("Redacted files say where, and stay valid")
    func redacted() throws {
        let staged = try stage()
        let jobs = try #require(staged.files[Array("cron/jobs.json".utf8)])
        #expect(jobs.withUnsafeBytes(JSONScanner.isValid))
        let text = String(decoding: jobs, as: UTF8.self)
        #expect(
            text.contains("\"next_run_at\": null") && text.contains("\"completed\": 0")
                && text.contains("\"updated_at\": null"))
        #expect(text.contains("\"times\": 5") && text.contains("«redacted:"))
        #expect(staged.entry("cron/jobs.json")?.redactions.isEmpty == false)
        let webhooks = try #require(staged.text("webhook_subscriptions.json"))
        #expect(webhooks.contains("\"secret\": \"«redacted:"))
        // One secret, one fingerprint: in MEMORY.md as base64 of a line, in jobs.json as base64.
        func fingerprints(_ path: String) -> Set<String> {
            Set(staged.entry(path)?.redactions.map(\.fingerprint) ?? [])
        }
        #expect(!fingerprints("memories/MEMORY.md").isDisjoint(with: fingerprints("cron/jobs.json")))
        let wide = try #require(staged.files[Array("scripts/notes-utf16.txt".utf8)])
        #expect(wide.starts(with: [0xFF, 0xFE]))
        #expect(
            String(decoding: TextEncoding.utf16LittleEndian.decoded(wide) ?? [], as: UTF8.self).contains(
                "second line\r\n"))
        let latin = try #require(staged.files[Array("scripts/latin1.txt".utf8)])
        #expect(latin.starts(with: Array("Gr".utf8) + [0xFC, 0xDF]) && latin.holds(Array("REDACTED_".utf8)))
        #expect(staged.tree.files.first { $0.path == Array("scripts/fetch.sh".utf8) }?.kind == .executable)
    }

    @Test("Excluded and skipped, each with its reason")
    func exclusions() throws {
        let staged = try stage()
        for path in [
            "auth.json", "google_token.json", "mcp-tokens/linear.json", "slack_tokens.json", "honcho.json", "state.db",
            "skills/data.bin", "skills/pack.zip", "scripts/old.log.gz", "sessions/20260104_100000.jsonl",
            "notes/leak.md",
            "whatsapp/session/creds.json", "skills/outside-link", "skills/climbing-link",
            "platforms/pairing/telegram-approved.json",
        ] {
            #expect(staged.exclusion(path) != nil, "\(path) is not listed as excluded")
            #expect(staged.entry(path) == nil)
        }
        #expect(staged.exclusion("skills/data.bin")?.reason == "a database")
        #expect(staged.exclusion("skills/outside-link")?.reason == "a symlink that leaves the home")
        for path in [
            "logs/agent.log", "state.db-wal", "backups/pre-update-1.zip", "gateway_state.json",
            "workspace/notes/scratch.md",
            "state-snapshots/20260101-before/.env", "memories/MEMORY.md.lock", "skills/.hub/index-cache/index.json",
        ] {
            #expect(staged.entry(path) == nil && staged.exclusion(path) == nil, "\(path) is not skipped")
        }
        #expect(staged.tree.manifest.irregular == [Manifest.Irregular(path: Array("workspace-pipe".utf8), kind: .fifo)])
        #expect(staged.entry("skills/inside-link")?.target == Array("release-notes/SKILL.md".utf8))
        #expect(staged.tree.files.first { $0.path == Array("skills/inside-link".utf8) }?.kind == .symlink)
        let renamed = try #require(staged.tree.manifest.entries.first { $0.path.starts(with: "notes/REDACTED_".utf8) })
        #expect(renamed.original == nil && renamed.redactions.contains { $0.place == "name" })
    }

    @Test("Counts for the drill")
    func counts() throws {
        let counts = try stage().tree.manifest.counts
        #expect(counts.cronJobs == [Manifest.CronJobs(file: "cron/jobs.json", ids: ["3f9a1c2b4d5e", "a1b2c3d4e5f6"])])
        #expect(counts.skills == 2)
        #expect(
            counts.memories == [
                Manifest.Memories(file: "memories/MEMORY.md", entries: 5),
                Manifest.Memories(file: "memories/USER.md", entries: 2),
                Manifest.Memories(file: "profiles/coder/memories/MEMORY.md", entries: 1),
            ])
    }

    @Test("The manifest tells every staged byte, is deterministic, and comes back through its reader")
    func manifest() throws {
        let staged = try stage()
        let bytes = try #require(staged.files[Array(Manifest.fileName.utf8)])
        #expect(try Manifest(json: bytes) == staged.tree.manifest)
        for entry in staged.tree.manifest.entries {
            let content = try #require(staged.files[entry.path])
            #expect(hex(Digest.of(content, .sha256)) == entry.sha256 && Int64(content.count) == entry.size)
        }
        #expect(staged.tree.files.count == staged.tree.manifest.entries.count + 1)
        #expect(staged.files[Canary.path] == Canary.bytes)
        let again = try Staged(makeSanitizer(workers: 1), fixture.home, in: folder)
        #expect(again.files == staged.files)
    }
}
