import SystemPackage
import Units

/// The two instances whose units stand in the repository's `units` folder.
enum ExampleSettings {
    static let vijay = UnitSettings(
        flavour: .system, binary: "/usr/local/bin/hermes-ops-runner", configuration: "/etc/hermes-ops/config.yaml",
        stateDirectory: "/var/lib/hermes-ops", instanceID: "vijay", userName: "root", userHome: "/root",
        hermesHome: "/root/.hermes", sealedPaths: ["/root/.local/bin"],
        alertCredentials: [UnitCredential(name: "telegram", source: "/etc/hermes-ops/telegram")],
        exports: [
            ExportDirectory(instanceID: "vijay", userName: "root"),
            ExportDirectory(instanceID: "bheem", userName: "uma"),
        ],
        jobs: jobs(home: "/root", credentials: "/etc/hermes-ops", export: "vijay", encrypted: true))

    static let bheem = UnitSettings(
        flavour: .user, binary: "/usr/local/bin/hermes-ops-runner",
        configuration: "/home/uma/.config/hermes-ops/config.yaml", stateDirectory: "/home/uma/.local/state/hermes-ops",
        instanceID: "bheem", userName: "uma", userHome: "/home/uma", hermesHome: "/home/uma/.hermes",
        sealedPaths: ["/home/uma/.local/bin"],
        alertCredentials: [UnitCredential(name: "telegram", source: "/home/uma/.config/hermes-ops/telegram")],
        exports: [ExportDirectory(instanceID: "bheem", userName: "uma")],
        jobs: jobs(home: "/home/uma", credentials: "/home/uma/.config/hermes-ops", export: "bheem", encrypted: false))

    private static func jobs(home: FilePath, credentials: FilePath, export: String, encrypted: Bool) -> [JobUnit] {
        let push = UnitCredential(name: "backup-push", source: credentials.appending("backup-push"))
        let telegram = UnitCredential(name: "telegram", source: credentials.appending("telegram"))
        let drill = UnitCredential(
            name: "drill-key", source: credentials.appending(encrypted ? "drill.cred" : "drill-key"),
            isEncrypted: encrypted)
        let repository = home.appending("repos").appending("hermes_vm")
        return [
            JobUnit(
                name: "backup", schedule: "*-*-* 03:15:00", randomizedDelay: .seconds(600), timeout: .seconds(1800),
                network: .full, credentials: [push, telegram], writablePaths: [repository]),
            JobUnit(
                name: "restore-drill", schedule: "quarterly", randomizedDelay: .seconds(3600), timeout: .seconds(7200),
                network: .full, credentials: [push, telegram, drill],
                readOnlyPaths: [home.appending(".local").appending("bin")], runsHermes: true),
            JobUnit(
                name: "snapshot", schedule: "minutely", timeout: .seconds(50), network: .inspect,
                writablePaths: [ExportDirectory.parent.appending(export)]),
            JobUnit(name: "tidy", timeout: .seconds(60)),
        ]
    }
}
