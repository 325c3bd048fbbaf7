internal import ArgumentParser

/// What every command takes.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The configuration file.",
            discussion: """
                Default: $HERMES_OPS_CONFIG, else /etc/hermes-ops/config.yaml for root and \
                $XDG_CONFIG_HOME/hermes-ops/config.yaml for everybody else.
                """, valueName: "file"))
    var config: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The folder for ledger, status and locks.",
            discussion: """
                Default: $HERMES_OPS_STATE, else /var/lib/hermes-ops for root and \
                $XDG_STATE_HOME/hermes-ops for everybody else.
                """, valueName: "folder"))
    var stateDir: String?

    @Flag(name: .long, help: "Print exactly one JSON document on standard output.")
    var json = false

    @Flag(name: .shortAndLong, help: "Say only what went wrong.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Log every step in detail.")
    var verbose = false

    enum LogFormat: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    @Option(name: .long, help: "How log lines on standard error look.")
    var logFormat = LogFormat.text

    func validate() throws {
        if config == "" { throw ValidationError("--config names no file: it is empty") }
        if stateDir == "" { throw ValidationError("--state-dir names no folder: it is empty") }
        if quiet, verbose { throw ValidationError("--quiet and --verbose exclude each other") }
    }

    var console: Console { Console(isJSON: json, isQuiet: quiet) }
}
