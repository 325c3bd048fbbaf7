internal import ArgumentParser
internal import Support
internal import SystemPackage

/// What the unit `hermes-ops-seal@.service` runs.
struct SealCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal", abstract: "Run the command that the socket on standard input asks for.",
        shouldDisplay: false)

    func run() async throws { try await CommandService.serve(.standardInput) }
}
