import Support
import TestSupport
import Testing

@testable import InstanceState

@Suite struct TextTests {
    @Test func credentialsDoNotPass() {
        let parts = [
            "gh" + "p_" + "abcdefgh", "github" + "_pat_", "s" + "k-abcdefgh", "xo" + "xb-", "AI" + "za0123456789",
            "ya" + "29.", "1/" + "/0",
            "AK" + "IA01234567", "-----" + "BEGIN", "ey" + "Jabcdefghij",
            "12345678:" + String(repeating: "a", count: 30),
        ]
        for part in parts {
            #expect(!SafeText.accepts("x \(part) y"), "\(part.prefix(6))")
            #expect(!SafeText(showing: "x \(part) y").rawValue.contains(part))
        }
        for text in ["", "sk-short", "12:30", "ghost_abcdefghij", "eyJ", "Größe <b>"] {
            #expect(SafeText.accepts(text), "\(text)")
        }
    }

    @Test func anyTextIsMadeToFit() {
        for text in [
            "a\nb", "\u{1B}[2J", "\u{7F}", String(repeating: "é", count: 1000), String(repeating: "\n", count: 300),
            "\u{202E}",
        ] {
            let shown = SafeText(showing: text)
            #expect(SafeText.accepts(shown.rawValue), "\(shown)")
            #expect(shown.rawValue.unicodeScalars.allSatisfy { $0.value >= 0x20 })
        }
        // A token that only the cut would hide is withheld with the rest.
        let token = "gh" + "p_" + String(repeating: "a", count: 20)
        #expect(!SafeText(showing: String(repeating: "x", count: 236) + token).rawValue.contains("gh" + "p_"))
    }

    @Test func aLongTextIsLookedThroughInNoTime() {
        let start = ContinuousClock.now
        for piece in [":", "9", "sk-", "ey", "1:", "gh" + "p_", "AKI" + "A"] {
            _ = SafeText(showing: String(repeating: piece, count: 400_000))
            _ = CredentialShape.occurs(in: String(repeating: piece, count: 100_000))
        }
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(CredentialShape.occurs(in: "12345678:" + String(repeating: "a", count: 30)))
        #expect(!CredentialShape.occurs(in: "1234567:" + String(repeating: "a", count: 30)))
        #expect(!CredentialShape.occurs(in: "12345678:" + String(repeating: "a", count: 29)))
    }

    @Test(arguments: [
        ("a", true), ("a-b.c_d", true), ("-a", false), ("a-", false), ("A", false), ("", false),
        (String(repeating: "a", count: 65), false),
    ])
    func slugs(_ text: String, _ isSlug: Bool) {
        #expect((Slug(rawValue: text) != nil) == isSlug)
        #expect(Slug.accepts(Slug(making: text).rawValue))
    }

    @Test func otherForms() {
        #expect(
            UnitName(rawValue: "hermes-ops@backup.service") != nil && UnitName(rawValue: "a b.service") == nil
                && UnitName(rawValue: ".timer") == nil)
        #expect(
            TailscaleAddress(rawValue: "100.64.0.1") != nil && TailscaleAddress(rawValue: "100.63.0.1") == nil
                && TailscaleAddress(rawValue: "100.128.0.1") == nil)
        #expect(
            RunIdentifier(rawValue: String(repeating: "a", count: 32)) != nil && RunIdentifier(rawValue: "a") == nil)
        #expect(
            RunIdentifier(rawValue: "01890a5d-ac96-774b-bcce-b302099a8057") != nil
                && RunIdentifier(rawValue: "01890a5d-ac96-474b-bcce-b302099a8057") == nil)
        #expect(
            RunbookAnchor(rawValue: "docs/operations.md#gateway-down") != nil
                && RunbookAnchor(rawValue: "docs/../x.md") == nil)
        #expect(
            Pointer(rawValue: "/cron/jobs/0") != nil && Pointer(rawValue: "cron") == nil
                && Pointer(rawValue: "/a//b") == nil)
        #expect(
            PlainPath(rawValue: "/home/uma/.hermes") != nil && PlainPath(rawValue: "/") == nil
                && PlainPath(rawValue: "/a b") == nil)
        #expect(Count(-5).value == 0 && Count(Int64.max).value == Count.maximum)
    }

    @Test func listenersAreReadFromProc() throws {
        func listener(_ local: String, state: String = "0A") -> Listener? {
            Listener(
                "   0: \(local) 00000000:0000 \(state) 00000000:00000000 00:00000000 00000000  1001        0 4242 1 0 100 0 0 10 0"
            )
        }
        let loopback = try #require(listener("0100007F:1F90"))
        #expect(loopback.port == 8080 && loopback.user == 1001 && loopback.inode == 4242 && !loopback.facesThePublic)
        #expect(listener("00000000:0016")?.address.isWildcard == true)
        #expect(listener("0A355764:239F")?.address.isTailscale == true, "100.87.53.10")
        #expect(listener("0101A8C0:0050")?.facesThePublic == true, "192.168.1.1")
        #expect(listener("00000000000000000000000001000000:0050")?.facesThePublic == false, "::1")
        #expect(listener("00000000000000000000000000000000:0050")?.address.isWildcard == true)
        #expect(listener("0000000000000000FFFF00000100007F:0050")?.facesThePublic == false, "::ffff:127.0.0.1")
        #expect(listener("0100007F:1F90", state: "01") == nil)
        #expect(Listener("garbage") == nil)
        #expect(NetworkProbe.bind([loopback.address]) == .loopback && NetworkProbe.bind([]) == nil)
        #expect(NetworkProbe.bind([loopback.address, IPAddress(v4: [0, 0, 0, 0])]) == .wildcard)
        #expect(
            NetworkProbe.bind([IPAddress(v4: [192, 168, 1, 1])]) == .public
                && NetworkProbe.bind([IPAddress(v4: [100, 64, 0, 1])]) == .tailscale)
    }

    @Test func metrics() async throws {
        var instance = try SampleInstance()
        instance.description.jobs[6].name = "odd \"name\"\\\n\u{1B}"
        let text = PrometheusText.render(await instance.look(), jobs: instance.description.jobs)
        let lines = text.split(separator: "\n")
        #expect(text.hasSuffix("\n"))
        #expect(
            lines.contains(
                #"hermes_ops_job_runs_total{hermes_instance="bheem",job_name="backup",outcome="success"} 12"#))
        #expect(lines.contains(#"hermes_ops_job_last_duration_seconds{hermes_instance="bheem",job_name="backup"} 10"#))
        #expect(
            lines.contains(
                #"hermes_ops_unit_state{hermes_instance="bheem",unit="hermes-gateway.service",state="up"} 1"#))
        #expect(lines.contains(#"hermes_ops_snapshot_timestamp_seconds{hermes_instance="bheem"} 1795000000"#))
        #expect(lines.contains { $0.contains(#"job_name="odd \"name\"\\\n?""#) })
        #expect(!text.unicodeScalars.contains { $0.value == 0x1B })
        // What is not known is absent, not 0.
        instance.sources.repository = { throw SnapshotError.tooLarge }
        instance.commands = FakeSystemctl.failing("Failed to connect to bus: Connection refused")
        let unknown = PrometheusText.render(await instance.look(), jobs: [])
        #expect(!unknown.contains("hermes_ops_backup_repo_clean"))
        #expect(unknown.contains(#"hermes_ops_probe_success{hermes_instance="bheem",probe="gateway"} 0"#))
        #expect(unknown.contains(#"unit="hermes-gateway.service",state="unknown"} 1"#))
        // The format's own rule: families in one piece, each sample after its TYPE.
        var seen: Set<Substring> = []
        var current: Substring = ""
        for line in lines {
            if line.hasPrefix("# TYPE ") {
                current = line.split(separator: " ")[2]
                #expect(seen.insert(current).inserted)
            } else if !line.hasPrefix("#") {
                #expect(line.hasPrefix(current + "{"))
            }
        }
    }
}
