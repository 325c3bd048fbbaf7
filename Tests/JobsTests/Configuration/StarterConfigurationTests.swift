import Support
import SystemPackage
import TestSupport
import Testing

@testable import Jobs

@Suite struct StarterConfigurationTests {
    static let findings: [StarterFindings] = {
        var all: [StarterFindings] = []
        for isRoot in [true, false] {
            let home: FilePath = isRoot ? "/root" : "/home/uma"
            let hermes = home.appending(".hermes")
            all.append(
                StarterFindings(
                    userName: isRoot ? "root" : "uma", home: home, isRoot: isRoot, hermesHome: hermes,
                    hermesHomeExists: true))
            all.append(
                StarterFindings(
                    userName: "Ümläut \"x\"", home: home, isRoot: isRoot, hermesHome: "/srv/a b: #\"c",
                    hermesHomeExists: false,
                    dotenvHasTelegramToken: true, repository: home.appending("repos").appending("x"),
                    remote: "https://github.com/OWNER/x.git", googleToken: hermes.appending("google_token.json"),
                    recipients: [ConfigurationSamples.recipient, ConfigurationSamples.secondRecipient],
                    bundleDirectory: "/b"))
        }
        return all
    }()

    @Test func theInstanceThatWasNamedCounts() async throws {
        for var findings in Self.findings {
            findings.instance = "bheem"
            let config = try await ConfigurationSamples.load(StarterConfiguration.text(findings))
            #expect(config.instance.id == "bheem")
        }
        #expect(["bheem", "a-1"].allSatisfy(StarterConfiguration.isInstanceID))
        #expect(
            !["", "Bheem", "1a", "a b", String(repeating: "a", count: 33)].contains(
                where: StarterConfiguration.isInstanceID))
    }

    @Test(arguments: findings.indices)
    func whatItWritesIsValid(_ index: Int) async throws {
        let text = StarterConfiguration.text(Self.findings[index])
        #expect(try await ConfigurationSamples.errors(text) == [], "\(text)")
        let config = try await ConfigurationSamples.load(text)
        #expect(config.instance.id == (Self.findings[index].isRoot ? "vijay" : index == 2 ? "uma" : config.instance.id))
        #expect(config.job(named: "backup") != nil && config.job(named: "restore-drill") != nil)
        #expect((config.job(named: "emergency-bundle") != nil) == !Self.findings[index].recipients.isEmpty)
        try await JSONSchemaCheck.expectValid(.config, [JSONSchemaCheck.json(text)])
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 160 })
    }

    @Test func theHomeOfTheFindingsIsTheInstances() async throws {
        let config = try await ConfigurationSamples.load(StarterConfiguration.text(Self.findings[3]))
        #expect(config.instance.hermesHome == "/srv/a b: #\"c")
        #expect(config.credentials["telegram"]?.reference == .dotenv("/srv/a b: #\"c/.env", key: "TELEGRAM_BOT_TOKEN"))
        #expect(config.repository?.path == "/home/uma/repos/x")
    }

    @Test func standardLocations() {
        let root = StandardLocations(environment: [:], user: 0, home: "/root")
        #expect(root.configuration == "/etc/hermes-ops/config.yaml" && root.state == "/var/lib/hermes-ops")
        let uma = StandardLocations(
            environment: ["HOME": "/home/uma", "XDG_STATE_HOME": "relative"], user: 1000, home: "/x")
        #expect(
            uma.configuration == "/home/uma/.config/hermes-ops/config.yaml"
                && uma.state == "/home/uma/.local/state/hermes-ops")
        let xdg = StandardLocations(
            environment: ["XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"], user: 1000, home: "/h")
        #expect(xdg.configuration == "/c/hermes-ops/config.yaml" && xdg.state == "/s/hermes-ops" && xdg.home == "/h")
        let told = StandardLocations(
            environment: ["HERMES_OPS_CONFIG": "x.yaml", "HERMES_OPS_STATE": "/t"], user: 0, home: "/root")
        #expect(told.configuration == "x.yaml" && told.state == "/t")
    }

    @Test func everySchemaIsJSONSchema() async throws {
        for schema in PublishedSchema.allCases {
            #expect(schema.text.hasSuffix("}\n"))
            _ = try await JSONSchemaCheck.errors(schema, [])
        }
    }
}
