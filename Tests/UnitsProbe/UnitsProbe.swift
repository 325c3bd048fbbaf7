import Glibc
import Support
import SystemPackage
import Units

/// Installs units with the product's own installer, inside the systemd sandbox where the tests themselves do not run.
///
///     UnitsProbe install|plan|status|uninstall system|user
@main struct UnitsProbe {
    static func main() async {
        do {
            try hardenProcess()
            let flavour = UnitFlavour(rawValue: CommandLine.arguments.last ?? "") ?? .system
            try await run(CommandLine.arguments.dropFirst().first ?? "", settings(flavour))
        } catch {
            print("error: \(error)")
            exit(1)
        }
    }

    private static func run(_ command: String, _ settings: UnitSettings) async throws {
        let rendered = try UnitRenderer.render(settings)
        let layout = settings.flavour == .system ? .system : UnitLayout.user(home: settings.userHome, environment: [:])
        let installer = UnitInstaller(
            flavour: settings.flavour, layout: layout, userName: settings.userName, environment: processEnvironment())
        switch command {
        case "plan": print(try installer.plan(rendered).diff, terminator: "")
        case "install", "uninstall":
            let report = command == "install" ? try await installer.install(rendered) : try await installer.uninstall()
            print("changes: \(report.plan.changes.count)")
            print("started: \(report.started.joined(separator: " "))")
            for notice in report.notices { print("notice: \(notice)") }
        default:
            for status in await installer.status(of: settings.jobs.map(\.name)) {
                let next = status.nextElapse.map(\.description) ?? "-"
                let words = [status.timerLoad, status.timerEnabled, status.serviceActive, status.serviceResult]
                print(
                    "\(status.job): \(words.map { $0 ?? "-" }.joined(separator: " ")) next \(next) \(status.unknown ?? "")"
                )
            }
        }
    }

    private static func settings(_ flavour: UnitFlavour) -> UnitSettings {
        let home: FilePath = flavour == .system ? "/root" : "/home/uma"
        let id = flavour == .system ? "vijay" : "bheem"
        let state: FilePath = flavour == .system ? "/var/lib/hermes-ops" : "/home/uma/.local/state/hermes-ops"
        let config: FilePath = flavour == .system ? "/etc/hermes-ops" : "/home/uma/.config/hermes-ops"
        let secret = UnitCredential(name: "push", source: config.appending("push"))
        let never = "2099-01-01"
        return UnitSettings(
            flavour: flavour, binary: "/usr/local/bin/hermes-ops-runner",
            configuration: config.appending("config.yaml"),
            stateDirectory: state, instanceID: id, userName: flavour == .system ? "root" : "uma", userHome: home,
            hermesHome: home.appending(".hermes"), alertCredentials: [secret],
            exports: flavour == .system
                ? [
                    ExportDirectory(instanceID: id, userName: "root"),
                    ExportDirectory(instanceID: "bheem", userName: "uma"),
                ]
                : [ExportDirectory(instanceID: id, userName: "uma")],
            jobs: [
                JobUnit(name: "tick", schedule: "*-*-* *:*:0/2", timeout: .seconds(30)),
                JobUnit(name: "missed", schedule: "daily", timeout: .seconds(30)),
                JobUnit(
                    name: "online", schedule: never, timeout: .seconds(30), network: .full, credentials: [secret],
                    writablePaths: [home.appending("repos").appending("backup %n")]),
                JobUnit(
                    name: "snapshot", timeout: .seconds(30), network: .inspect,
                    writablePaths: [ExportDirectory.parent.appending(id)]),
                JobUnit(
                    name: "credential", timeout: .seconds(30),
                    credentials: [UnitCredential(name: "gone", source: config.appending("gone"))]),
                JobUnit(name: "sealed", timeout: .seconds(30), runsHermes: true),
                JobUnit(name: "wide", timeout: .seconds(30)), JobUnit(name: "fail", timeout: .seconds(30)),
                JobUnit(name: "skip", timeout: .seconds(30)), JobUnit(name: "hang", timeout: .seconds(30)),
                JobUnit(name: "killed", timeout: .seconds(30)),
            ])
    }
}
