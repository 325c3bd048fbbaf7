internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// docs/operations.md as a newcomer types it, on a machine where nothing of this program is yet: for root and for uma.
@Suite(
    .timeLimit(.minutes(3)),
    .enabled(
        if: OperationsSandbox.isPossible,
        "scripts/systemd-sandbox check says what is missing: root, namespaces or a package")
)
struct InstallationGuideTests {
    @Test func theGuideWorksAsItIsWritten() async throws {
        let sandbox = try OperationsSandbox()
        try await sandbox.whileUp {
            try await sandbox.startTelegram()
            // Sandbox users linger; the guide says how that comes about.
            try await sandbox.must(
                .root,
                "systemd-run -q --unit=session -p PAMName=login -p User=uma sleep infinity; loginctl disable-linger uma"
            )
            for place in [Place.root, .uma] {
                try await sandbox.must(
                    place,
                    """
                    umask 077; mkdir -p ~/.hermes/memories
                    echo calm >~/.hermes/SOUL.md; printf 'model: x/y\\n' >~/.hermes/config.yaml; echo Miso >~/.hermes/memories/MEMORY.md
                    """)
                try await follow(sandbox, place)
            }
            let fleet = try await sandbox.must(.root, "hermes-ops-runner fleet")
            #expect(fleet.split(separator: "\n").filter { $0.contains(" ok ") }.count == 2, "\(fleet)")
        }
    }

    private func follow(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        let lines = try Self.commands(place)
        #expect(lines.count > 6, "\(lines)")
        var isCompleted = false
        for line in lines {
            // The person completes the configuration once it works as it is.
            if !isCompleted, line.contains("install -d") || line.contains("units install") {
                try await complete(sandbox, place)
                isCompleted = true
            }
            let isHers = place == .uma && (!line.contains("sudo ") || line.hasPrefix("sudo -u uma -H "))
            let words = line.replacing("sudo -u uma -H ", with: "").replacing("sudo ", with: "")
            if words.contains("doctor") { try await settle(sandbox, place) }
            let result = try await sandbox.run(
                isHers ? .uma : .root,
                """
                export HERMES_OPS_TEST_LOOPBACK_HTTP=1 HERMES_OPS_TEST_TELEGRAM=http://127.0.0.1:\(sandbox.port)
                echo pasted | { \(words); }
                """)
            if words.contains("doctor") {
                // All that is left is what no machine can decide: where the backup shall go.
                let failed = result.output.split(separator: "\n").filter { $0.hasPrefix("failed ") }
                #expect(
                    failed.map { $0.split(separator: ":")[0] } == ["failed   The repository is pushed"],
                    "\(result.output)")
            } else {
                #expect(result.status == 0, "\(place): \(line)\n\(result.output)\(result.errors)")
            }
        }
    }

    /// The commands of a section's code blocks, without their comments; `make install` was done by the sandbox.
    private static func commands(_ place: Place) throws -> [String] {
        let file = HermesHomeFixture.fixtures.removingLastComponent().appending("docs/operations.md")
        let page = String(decoding: try FileSystem.read(file, limit: 1 << 20), as: UTF8.self)
        let section = try #require(
            page.components(separatedBy: "\n## ").first { $0.hasPrefix("Install, for \(place.user)\n") })
        let blocks = section.components(separatedBy: "```\n").enumerated().filter { !$0.offset.isMultiple(of: 2) }
        return blocks.flatMap { $0.element.split(separator: "\n") }.map { line in
            line.components(separatedBy: "  #")[0].trimmingCharacters(in: .whitespaces)
        }.filter { !$0.isEmpty && !$0.contains("make install") }
    }

    /// Takes the comment signs off the lines that `init` left for it.
    private func complete(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        try await sandbox.must(
            place,
            """
            set -e
            cat >/tmp/complete-\(place.user).py <<'P'
            import re, sys
            path, key = sys.argv[1:]
            text = open(path).read()
            def uncomment(pattern):
                global text
                text, count = re.subn(r'(?m)^( *)# ?(' + pattern + r')', r'\\1\\2', text)
                assert count, pattern
            for pattern in ['bundle:', '  recipients:', 'stores:', '  local:', '  emergency-bundle:', '    schedule: daily',
                            '    randomizedDelay: 1h', '    timeout: 2h', '    steps:$', '      - (?:bundle|upload|prune):',
                            'telegram: . file', 'notify:', '  telegram: . chat']:
                uncomment(pattern)
            text = text.replace('age1…', key).replace('-1001234', '-1001').replace('steps: [ watchdog ]', 'steps: [ watchdog ]\\n    onFailure: [ notify ]')
            open(path, 'w').write(text)
            P
            hermes-ops-runner keys generate -o /tmp/elsewhere-\(place.user) >/dev/null
            key=$(hermes-ops-runner keys recipient /tmp/elsewhere-\(place.user))
            python3 /tmp/complete-\(place.user).py \(place.configuration)/config.yaml $key
            file=$(sed -n 's/.*telegram: { file: "\\(.*\\)" }.*/\\1/p' \(place.configuration)/config.yaml)
            file=${file/#\\~/$HOME}
            umask 077; mkdir -p $(dirname $file); printf %s '\(OperationsSandbox.token)' >$file
            for unit in hermes-ops@ hermes-ops-alert@; do
              mkdir -p \(place.units)/$unit.service.d
              printf '[Service]\\nEnvironment=HERMES_OPS_TEST_LOOPBACK_HTTP=1 HERMES_OPS_TEST_TELEGRAM=http://127.0.0.1:\(sandbox.port)\\n' \\
                >\(place.units)/$unit.service.d/90-test.conf
            done
            """)
    }

    /// The first runs that the installation began, and a drill, which the guide leaves to the person.
    private func settle(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        for job in ["backup", "emergency-bundle", "snapshot"] {
            try await sandbox.wait(place, "the first run of \(job)") {
                try await sandbox.outcomes(place, job).contains("success")
            }
        }
    }
}
