internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import Jobs
internal import RestoreDrill
internal import Support
internal import SystemPackage

struct DrillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill", abstract: "Rehearse a restore and get a signed receipt, or check a receipt.",
        discussion: """
            Without a subcommand this is `drill run`: the job `restore-drill`, or the only drill that is declared, is run, and its \
            receipt printed. It restores into a private folder of the state directory, never into the live home, and removes it again.
            """,
        subcommands: [Run.self, VerifyReceipt.self], defaultSubcommand: Run.self)

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The same as `run restore-drill`; prints the receipt.")

        @OptionGroup var options: GlobalOptions

        @Option(
            help: ArgumentHelp(
                "The job that restores and verifies.",
                discussion: "Default: `restore-drill`, or the only one that is declared.", valueName: "job"),
            completion: .none)
        var job: String?

        @Option(
            help: ArgumentHelp("Write the receipt as a Markdown page to this file too.", valueName: "file"),
            completion: .file())
        var markdown: String?

        @Flag(help: "Leave what was restored for a person to look at, and say where.")
        var keep = false

        func run() async throws {
            let session = Session(options)
            let name = if let job { job } else { try await declared(session) }
            let result = try await JobExecution(
                session: session, job: name, dryRun: false, acceptShrink: false,
                keepDrill: keep
            ).run()
            let receipt = try await receipt(of: result, session)
            let page = markdown
            if let receipt, let page {
                try await offPool {
                    try FileSystem.replace(
                        FilePath(page), with: Array(receipt.receipt.markdown.utf8), permissions: 0o644)
                }
            }
            if let receipt {
                let text = receipt.text
                if session.console.isJSON {
                    try session.console.write(String(decoding: text, as: UTF8.self))
                } else {
                    try session.console.write(RunText.text(result) + "\n" + receipt.receipt.markdown)
                }
            } else {
                try session.console.show(result.record) { RunText.text(result) }
            }
            if result.hasAbandonedWork { _exit(result.exit.rawValue) }
            if result.exit != .success { throw ExitCode(result.exit.rawValue) }
        }

        /// The drill to run where none is named.
        private func declared(_ session: Session) async throws -> String {
            // What is wrong with the configuration the run tells.
            let configuration = try? await session.configuration()
            let drills = (configuration?.jobs ?? []).filter { $0.kind == .restoreDrill }.map(\.name)
            guard !drills.isEmpty, !drills.contains("restore-drill") else { return "restore-drill" }
            guard drills.count == 1 else {
                throw OperatorError(
                    "no-such-job", doing: "choosing a drill", reason: "\(drills.count) are declared",
                    advice: "name one: " + drills.map { "--job \($0)" }.joined(separator: ", "), exit: .usage)
            }
            return drills[0]
        }

        /// The receipt that the run left beside its record; nil when it did not come so far.
        private func receipt(of result: RunResult, _ session: Session) async throws -> (
            receipt: Receipt, text: [UInt8]
        )? {
            guard result.exit != .skipped else { return nil }
            let runs = try RunStore(stateDirectory: session.stateDirectory)
            let id = result.record.runId
            guard runs.attachmentNames(of: id).contains(DrillReceipt.name) else { return nil }
            let file = runs.folder.appending(id).appending(DrillReceipt.name)
            let text = try await offPool { try FileSystem.read(file, limit: 64 << 20, followingLinks: false) }
            return (try SignedReceipt(verifying: text).receipt, text)
        }
    }

    struct VerifyReceipt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify-receipt", abstract: "Check a receipt's signature, and show what it says.",
            discussion: """
                Exit 65 when anything in it was changed. Without --public-key the receipt must be signed by this instance's own \
                key, where there is one; elsewhere it is checked under the key that it names, and that key is shown: compare it \
                with what the instance's operator says it is.
                """)

        @OptionGroup var options: GlobalOptions

        @Argument(help: "The receipt's file.", completion: .file())
        var file: String

        @Option(
            help: ArgumentHelp("The key that it must be signed by: 64 hexadecimal digits.", valueName: "hex"),
            completion: .none)
        var publicKey: String?

        private struct Report: Encodable {
            var receipt: Receipt
            var publicKey: String
            /// Whether the key was compared with one that was known before.
            var keyIsKnown: Bool
        }

        func run() async throws {
            let session = Session(options)
            var expected: [UInt8]?
            if let publicKey {
                guard let bytes = hexadecimal(publicKey), bytes.count == 32 else {
                    throw ValidationError("--public-key takes 64 hexadecimal digits")
                }
                expected = bytes
            } else {
                let key = session.stateDirectory.appending("receipt.key")
                if (try? FileStatus(at: key)) != nil {
                    expected = try await offPool { try ReceiptSigner(keyFile: key).publicKey }
                }
            }
            let path = FilePath(file)
            let known = expected
            let signed = try await offPool {
                try SignedReceipt(verifying: try FileSystem.read(path, limit: 64 << 20), expected: known)
            }
            let report = Report(
                receipt: signed.receipt, publicKey: hex(signed.publicKey), keyIsKnown: expected != nil)
            try session.console.show(report) {
                let receipt = report.receipt
                let under = report.keyIsKnown ? "the expected key" : "the key that it names, which nobody vouched for"
                return """
                    the signature is right, under \(under)
                    public key \(report.publicKey)
                    \(printable(receipt.instance, limit: 64)): \(receipt.outcome.rawValue), \(receipt.finishedAt), run \(printable(receipt.runId, limit: 64))

                    """
            }
        }

        private func hexadecimal(_ text: String) -> [UInt8]? {
            let digits = text.compactMap(\.hexDigitValue)
            guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
            return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }
    }
}
