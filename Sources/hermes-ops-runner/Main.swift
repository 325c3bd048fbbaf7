internal import ArgumentParser
internal import Support

@main
struct HermesOpsRunner: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hermes-ops-runner",
        abstract: "Backups, restore drills and their records for Hermes Agent.",
        version: Version.current,
        subcommands: [])
}
