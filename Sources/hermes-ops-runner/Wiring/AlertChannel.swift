internal import Foundation
internal import Jobs
internal import Logging
internal import Notify
internal import Support
internal import SystemPackage

/// What it takes to tell people, as the last good configuration said: kept in `STATE/notify/channel.json`, so that somebody hears of a
/// configuration that cannot be read any more. It names where the credential is, as the configuration does, and holds no value.
struct AlertChannel: Codable, Equatable, Sendable {
    struct Telegram: Codable, Equatable, Sendable {
        var chat: String
        var credential: String
        var reference: CredentialReference
    }

    var instance: String
    var label: String
    var telegram: Telegram?
    var network: NetworkConfig
    var remindEvery: Duration
    var tellRecovery: Bool

    init(_ configuration: Configuration) {
        instance = configuration.instance.id
        label = configuration.instance.label
        let notify = configuration.notify
        telegram = notify.telegram.flatMap { telegram in
            configuration.credentials[telegram.credential].map {
                Telegram(chat: telegram.chat, credential: telegram.credential, reference: $0.reference)
            }
        }
        network = configuration.network
        remindEvery = notify.remindEvery
        tellRecovery = notify.tellRecovery
    }

    var policy: AlertPolicy {
        AlertPolicy(remindEvery: remindEvery > .zero ? remindEvery : nil, tellRecovery: tellRecovery)
    }
}

extension Session {
    private var channelFile: FilePath { stateDirectory.appending("notify").appending("channel.json") }

    /// The channel of the last good configuration; nil when none was kept.
    func rememberedChannel() -> AlertChannel? {
        guard let bytes = try? FileSystem.read(channelFile, limit: 1 << 20, followingLinks: false) else { return nil }
        return try? JSONDecoder().decode(AlertChannel.self, from: Data(bytes))
    }

    /// To be called with each configuration that could be read, where state may be written: keeps its channel, and notes that it works
    /// again if somebody was told that it is broken.
    func noteGoodConfiguration(_ configuration: Configuration) async {
        let channel = AlertChannel(configuration)
        do {
            if rememberedChannel() != channel {
                try FileSystem.makeDirectory(channelFile.removingLastComponent())
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                try FileSystem.replace(channelFile, with: Array(try encoder.encode(channel)) + [10])
            }
            try await silentNotifier(channel).noteRecovery(
                RunSummary(
                    job: Notifier.configurationSubject, instanceLabel: channel.label, runID: "", outcome: .success,
                    finishedAt: SystemTime().now))
        } catch {
            logger.warning(
                "the channel for alerts was not kept: \((error as? OperatorError)?.description ?? "it cannot be written")"
            )
        }
    }

    /// The one who tells people over a channel. Where its credential or its network settings fail, messages wait in the spool.
    func notifier(_ channel: AlertChannel, jobs: Set<String>? = nil) async -> Notifier {
        var route = Notifier.Route.none
        if let telegram = channel.telegram {
            do {
                let token = try await credentials.token(telegram.reference, name: telegram.credential)
                route = .telegram(
                    TelegramChannel(chat: telegram.chat, token: token), try telegramClient(channel.network))
            } catch {
                route = .blocked(error as? OperatorError ?? .cancelled(doing: "reading the credential"))
            }
        }
        return Notifier(
            stateDirectory: stateDirectory, route: route, instanceLabel: channel.label, jobs: jobs,
            policy: channel.policy, markFolder: markFolder)
    }

    /// One who notes recoveries for others to send: it needs no credential.
    func silentNotifier(_ channel: AlertChannel) -> Notifier {
        Notifier(stateDirectory: stateDirectory, route: .none, instanceLabel: channel.label, policy: channel.policy)
    }

    /// A folder in memory that outlives this process: the alert unit has one of its own.
    private var markFolder: FilePath? {
        (environment["RUNTIME_DIRECTORY"] ?? environment["XDG_RUNTIME_DIR"]).map { FilePath($0) }.flatMap {
            $0.isAbsolute ? $0 : nil
        }
    }

    private func telegramClient(_ network: NetworkConfig) throws -> TelegramClient {
        let http = try client(network)
        // For tests alone: a stand-in on this machine.
        guard let base = environment["HERMES_OPS_TEST_TELEGRAM"], environment["HERMES_OPS_TEST_LOOPBACK_HTTP"] == "1",
            base.hasPrefix("http://127.0.0.1:")
        else { return TelegramClient(http: http) }
        return TelegramClient(http: http, base: base)
    }
}
