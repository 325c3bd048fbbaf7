import HTTP
import Notify
import Support
import SystemPackage

/// Reports failures of many jobs one after the other, to be killed at any moment.
///
///     NotifyProbe STATE BASE TOKEN FIRST COUNT
@main struct NotifyProbe {
    static func main() async throws {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count == 5, let first = Int(words[3]), let count = Int(words[4]) else { return }
        let http = try HTTPClient(NetworkOptions(testLoopbackHTTP: true))
        let notifier = Notifier(
            stateDirectory: FilePath(words[0]),
            route: .telegram(
                TelegramChannel(chat: "-1001", token: Secret(Array(words[2].utf8))),
                TelegramClient(http: http, base: words[1])))
        for number in first..<first + count {
            _ = await notifier.report(
                RunSummary(
                    job: "job\(number)", instanceLabel: "x", runID: "run\(number)", outcome: .failure,
                    finishedAt: SystemTime().now))
        }
    }
}
