import Support
import Testing

@testable import Sanitizer

struct PolicyTests {
    @Test(
        "Globs",
        arguments: [
            ("*.md", "a.md", true), ("*.md", "x/y/a.md", true), ("*.md", "a.mdx", false), ("/*.md", "x/a.md", false),
            ("a/b", "a/b", true),
            ("a/b", "x/a/b", false), ("/a", "a", true), ("a/**", "a/b/c", true), ("a/**", "a", false),
            ("a/", "a/b", true),
            ("**/x/y", "x/y", true), ("**/x/y", "p/q/x/y", true), ("**/x/y", "px/y", false), ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/*/z", "a/b/c/z", false), ("[a-c]?.txt", "b1.txt", true), ("[!a-c]*", "bx", false),
            ("\\*.md", "*.md", true), ("\\*.md", "a.md", false),
            ("x*y*z", "x/y/z", false), ("/a**b", "ac/db", true), ("a**b", "ac/db", false), ("name", "deep/name", true),
            ("name", "deep/surname", false),
        ])
    func globs(_ pattern: String, _ path: String, _ expected: Bool) throws {
        #expect(try #require(Glob(pattern)).matches(Array(path.utf8)[...]) == expected)
    }

    @Test("Patterns that are none")
    func badGlobs() {
        #expect(Glob("") == nil && Glob("[a") == nil && Glob("/") != nil)
        #expect(throws: OperatorError.self) {
            try Policy.hermes(rules: [PolicyRule(path: "[x", action: .keep, reason: "", origin: "config.yaml:3")])
        }
    }

    @Test("A hostile pattern takes no time worth speaking of")
    func hostileGlob() throws {
        let glob = try #require(Glob(String(repeating: "*a", count: 60) + "b"))
        #expect(!glob.matches(Array(String(repeating: "a", count: 2000).utf8)[...]))
    }

    @Test(
        "The built-in policy answers",
        arguments: [
            ("config.yaml", PolicyAction.redact), (".env", .redact), ("plugins/x/.env", .redact),
            (".env.local", .redact), (".env.example", .keep),
            ("auth.json", .exclude), ("auth.json.tmp.12.ab", .exclude), ("shared/nous_auth.json", .exclude),
            ("mcp-tokens/a.client.json", .exclude),
            ("state.db", .exclude), ("state.db-wal", .skip), ("state.db-shm", .skip), ("state.db.1.bak", .skip),
            ("kanban/boards/x/kanban.db", .exclude),
            ("config.yaml.bak.20260101", .exclude), ("memories/MEMORY.md", .redact), ("memories/MEMORY.md.lock", .skip),
            ("SOUL.md", .keep),
            ("skills/a/SKILL.md", .keep), ("skills/.curator_backups/t/skills.tar.gz", .skip),
            ("skills/.hub/lock.json", .keep),
            ("skills/.hub/index-cache/x", .skip), ("cron/jobs.json", .redact), ("cron/executions.db", .exclude),
            ("cron/output/a/b.md", .exclude),
            ("cron/ticker_heartbeat", .skip), ("logs/agent.log", .skip), ("backups/pre-update-1.zip", .skip),

            ("processes.json", .skip), ("gateway.pid", .skip), ("cache/bws_cache.json", .skip),
            ("workspace/meetings/node_token.json", .exclude),
            ("workspace/a.txt", .skip), ("plugins/x/.git/config", .skip), ("plugins/x/plugin.yaml", .keep),
            ("id_ed25519", .exclude),
            ("ssh/id_rsa", .exclude), ("platforms/whatsapp/session/creds.json", .exclude),
            ("sessions/a.jsonl", .exclude), (".hermes_history", .exclude),
            ("active_profile", .keep), ("hermes-backup-1.zip", .skip), ("webhook_subscriptions.json", .redact),
            ("channel_directory.json", .skip),
        ])
    func answers(_ path: String, _ action: PolicyAction) throws {
        let policy = try Policy.hermes()
        #expect(policy.decision(for: Array(path.utf8)).action == action)
        // A profile is a home of its own, also within a profile.
        #expect(policy.decision(for: Array("profiles/coder/\(path)".utf8)).action == action)
        #expect(policy.decision(for: Array("profiles/a/profiles/b/\(path)".utf8)).action == action)
    }

    @Test("What no rule names is unclassified; below a strange folder nothing is anchored")
    func unclassified() throws {
        let policy = try Policy.hermes()
        for path in ["notes.md", "clean/3/config.yaml", "clean/logs/agent.log", "profilesx/a/config.yaml", "profiles"] {
            #expect(policy.decision(for: Array(path.utf8)).action == nil, "\(path)")
        }
    }

    @Test("The instance's own rules come last, and the last of them decides")
    func ownRules() throws {
        func rule(_ path: String, _ action: PolicyAction) -> PolicyRule {
            PolicyRule(path: path, action: action, reason: "by choice", origin: "config.yaml:7")
        }
        let policy = try Policy.hermes(rules: [
            rule("skills/private", .exclude), rule("*.keep", .keep), rule("logs/agent.log", .redact),
        ])
        #expect(policy.decision(for: Array("skills/private/a/SKILL.md".utf8)).action == .exclude)
        #expect(policy.decision(for: Array("skills/private/a.keep".utf8)).action == .keep)
        #expect(policy.decision(for: Array("skills/a/SKILL.md".utf8)).action == .keep)
        #expect(policy.decision(for: Array("logs/agent.log".utf8)).origin == "config.yaml:7")
        // A folder with a kept file in it is entered after all.
        #expect(policy.pruning(Array("logs".utf8)) == nil)
        #expect(try Policy.hermes().pruning(Array("logs".utf8))?.action == .skip)
        #expect(try Policy.hermes().hash != policy.hash)
    }

    @Test("Folders are entered only where something in them counts")
    func pruning() throws {
        let policy = try Policy.hermes()
        for path in [
            "hermes-agent", "plugins/x/.git", "plugins/x/node_modules", "workspace/notes", "profiles/a/hermes-agent",
            "state-snapshots",
        ] {
            #expect(policy.pruning(Array(path.utf8)) != nil, "\(path)")
        }
        for path in [
            "skills", "workspace", "workspace/meetings", "cache", "skills/.hub", "profiles", "profiles/a", "sessions",
        ] {
            #expect(policy.pruning(Array(path.utf8)) == nil, "\(path)")
        }
    }

    @Test(
        "The instance's own rules open folders that the built-in policy passes over, and close others",
        arguments: [
            ([("workspace/**", PolicyAction.exclude)], "workspace/notes", nil, "workspace/notes/a.md", .exclude),
            ([("workspace", .exclude)], "workspace/notes/deep", nil, "workspace/notes/deep/a.md", .exclude),
            ([("workspace/", .keep)], "workspace", nil, "workspace/a.md", .keep),
            ([("workspace/notes/a.md", .redact)], "workspace/notes", nil, "workspace/notes/a.md", .redact),
            // What lies beside it stays closed.
            ([("workspace/notes/a.md", .redact)], "workspace/other", .skip, "workspace/other/a.md", .skip),
            ([("logs/**", .keep), ("logs/curator/**", .skip)], "logs/curator", .skip, "logs/curator/a", .skip),
            ([("logs/curator/**", .skip), ("logs/**", .keep)], "logs/curator", nil, "logs/curator/a", .keep),
            ([("skills/big", .skip)], "skills/big/data", .skip, "skills/big/data/a.md", .skip),
            ([("skills/big", .skip), ("skills/big/SKILL.md", .keep)], "skills/big", nil, "skills/big/SKILL.md", .keep),
            ([("skills/private/**", .exclude)], "skills/private", nil, "skills/private/a.md", .exclude),
            ([("*.md", .keep)], "hermes-agent/docs", nil, "hermes-agent/docs/a.md", .keep),
            ([("*.md", .exclude)], "hermes-agent/docs", .skip, "skills/a.md", .exclude),
        ] as [([(String, PolicyAction)], String, PolicyAction?, String, PolicyAction)])
    func ownRulesAndFolders(
        _ rules: [(String, PolicyAction)], _ folder: String, _ pruned: PolicyAction?, _ path: String,
        _ action: PolicyAction
    ) throws {
        let policy = try Policy.hermes(
            rules: rules.map { PolicyRule(path: $0.0, action: $0.1, reason: "by choice", origin: "config.yaml:7") })
        #expect(policy.pruning(Array(folder.utf8))?.action == pruned)
        #expect(policy.decision(for: Array(path.utf8)).action == action)
    }
}
