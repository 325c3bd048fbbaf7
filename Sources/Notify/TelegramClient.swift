internal import FoundationEssentials
public import HTTP
public import Support

/// Where an instance's messages go.
public struct TelegramChannel: Sendable {
    /// A numeric chat id (negative for groups) or `@name`.
    public var chat: String
    /// The bot's token, as @BotFather gave it.
    public var token: Secret

    public init(chat: String, token: Secret) {
        self.chat = chat
        self.token = token
    }
}

/// Sends plain text through the Telegram Bot API (https://core.telegram.org/bots/api#sendmessage).
///
/// There is no idempotency key: what was not answered may have arrived. Therefore each call goes out on a fresh connection, which
/// libcurl never repeats by itself, and a failure says whether the message was surely not delivered.
public struct TelegramClient: Sendable {
    /// A message that arrived.
    public struct Receipt: Sendable, Equatable {
        public var messageID: Int64
        /// The group became a supergroup: its new id, which belongs into the configuration.
        public var migratedTo: String?
    }

    /// Why a message did not arrive, and what may be done with it.
    public struct Failure: Error, Sendable {
        public enum Kind: Sendable, Equatable {
            /// It did not arrive; try again, not before the given wait where the server named one.
            case later(Duration?)
            /// It may have arrived: no answer came.
            case ambiguous
            /// No message can arrive until somebody changes the token, the chat or the bot's rights.
            case channel
            /// This message never will.
            case message
        }

        public var kind: Kind
        public var error: OperatorError
        /// With ``Kind/later(_:)``: an answer came that is not readable, so Telegram may have taken the message.
        public var mayHaveArrived = false
    }

    /// The error's type when something else than Telegram seems to answer.
    static let foreignAnswer = "telegram.answer"

    private let http: HTTPClient
    private let base: String

    /// - Parameter base: scheme, host and port of the API; tests have their own.
    public init(http: HTTPClient, base: String = "https://api.telegram.org") {
        self.http = http
        self.base = base
    }

    /// Sends one message of 1 to 4096 UTF-16 code units. A chat that has migrated is followed once.
    public func send(_ text: String, to channel: TelegramChannel) async throws -> Receipt {
        let (response, answer) = try await post(text, chat: channel.chat, token: channel.token)
        if response.status == 200, let receipt = answer?.receipt { return receipt }
        if let chat = answer?.parameters?.newChat {
            let (response, answer) = try await post(text, chat: String(chat), token: channel.token)
            guard response.status == 200, var receipt = answer?.receipt else { throw failure(response, answer, text) }
            receipt.migratedTo = String(chat)
            return receipt
        }
        throw failure(response, answer, text)
    }

    // MARK: The exchange

    private struct Message: Encodable {
        struct LinkPreview: Encodable {
            var isDisabled = true
            enum CodingKeys: String, CodingKey { case isDisabled = "is_disabled" }
        }
        var chat: String
        var text: String

        enum CodingKeys: String, CodingKey {
            case chat = "chat_id"
            case text
            case linkPreview = "link_preview_options"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            if let number = Int64(chat) {
                try container.encode(number, forKey: .chat)
            } else {
                try container.encode(chat, forKey: .chat)
            }
            try container.encode(text, forKey: .text)
            try container.encode(LinkPreview(), forKey: .linkPreview)
        }
    }

    private struct Answer: Decodable {
        struct Result: Decodable {
            var messageID: Int64
            enum CodingKeys: String, CodingKey { case messageID = "message_id" }
        }
        struct Parameters: Decodable {
            var retryAfter: Int64?
            var newChat: Int64?
            enum CodingKeys: String, CodingKey {
                case retryAfter = "retry_after"
                case newChat = "migrate_to_chat_id"
            }

            /// A wait that is no whole number of seconds is no wait: the rest of the answer counts all the same.
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                retryAfter = try? container.decodeIfPresent(Int64.self, forKey: .retryAfter)
                newChat = try container.decodeIfPresent(Int64.self, forKey: .newChat)
            }
        }
        var ok: Bool
        var result: Result?
        var errorCode: Int?
        var description: String?
        var parameters: Parameters?

        enum CodingKeys: String, CodingKey {
            case ok, result, description, parameters
            case errorCode = "error_code"
        }

        var receipt: Receipt? { ok ? result.map { Receipt(messageID: $0.messageID, migratedTo: nil) } : nil }
    }

    /// The answer is nil where it is not Telegram's, but a gateway's own page.
    private func post(_ text: String, chat: String, token: Secret) async throws -> (HTTPResponse, Answer?) {
        var request = HTTPRequest("POST", base + "/bot" + (try path(token)) + "/sendMessage")
        request.headers = [(name: "Content-Type", value: "application/json")]
        request.body = .bytes(Array(try JSONEncoder().encode(Message(chat: chat, text: text))))
        request.timeouts = HTTPRequest.Timeouts(total: .seconds(30))
        request.maxResponseBytes = 1 << 20
        request.freshConnection = true
        let response: HTTPResponse
        do {
            response = try await http.send(request)
        } catch let error as OperatorError {
            var said = error
            said.doing = "sending a Telegram message through"
            guard !error.wasSurelyNotSent, error.type != "network.tls" else {
                throw Failure(kind: error.isTemporary ? .later(nil) : .channel, error: said)
            }
            said.isTemporary = true
            throw Failure(kind: .ambiguous, error: said)
        }
        let answer = try? JSONDecoder().decode(Answer.self, from: Data(response.body))
        if let answer, answer.receipt != nil || !answer.ok { return (response, answer) }
        if response.status == 200 {
            // A portal's page, or an answer that was cut or changed on its way. Only Telegram's own yes is one.
            var failure = foreign("the answer is not Telegram's")
            failure.mayHaveArrived = true
            throw failure
        }
        return (response, nil)
    }

    /// The token as it stands in the URL's path. One that is not of Telegram's shape is not sent anywhere: the server would say no
    /// more than 404, and a stray `/` or `?` would change the request.
    private func path(_ token: Secret) throws -> String {
        try token.withUnsafeBytes { bytes in
            let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
                parts[0].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                parts[1].allSatisfy({ byte in
                    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
                        || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte || byte == UInt8(ascii: "_")
                        || byte == UInt8(ascii: "-")
                })
            else { throw Failure(kind: .channel, error: malformedToken) }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    // MARK: What an answer means

    private func failure(_ response: HTTPResponse, _ answer: Answer?, _ text: String) -> Failure {
        // A no within a 200 says itself which one it is.
        let status = response.status == 200 ? answer?.errorCode ?? 200 : response.status
        let refusal = Refusal(answer?.description)
        switch status {
        case 429:
            let wait =
                answer?.parameters?.retryAfter.map { Duration.seconds(max(0, min($0, 86400))) }
                ?? response.retryAfter(now: SystemTime().now).map { min($0, .seconds(86400)) }
            return Failure(
                kind: .later(wait),
                error: problem("telegram.rate", "too many messages (429)", exit: .unavailable, temporary: true))
        case 413 where answer != nil || text.utf16.count > Self.surelySmall:
            return Failure(
                kind: .message, error: problem("telegram.message", "this message is too large (413)", exit: .failure))
        case 400..<500 where answer == nil:
            return foreign("the server answers \(status) with a page that is not Telegram's")
        case 401:
            return Failure(
                kind: .channel,
                error: problem(
                    "telegram.token", "the bot's token is wrong or was revoked (401)",
                    advice: "put the token that @BotFather shows into the credential", exit: .credential))
        case 404:
            return Failure(kind: .channel, error: malformedToken)
        case 403:
            return Failure(
                kind: .channel,
                error: problem(
                    "telegram.blocked", "the bot may not write to this chat (403\(refusal.words))",
                    advice: "start or unblock the bot in the chat of notify.telegram.chat", exit: .credential))
        case 400 where refusal.isAboutMessage:
            return Failure(
                kind: .message,
                error: problem(
                    "telegram.message", "Telegram refuses this message (400\(refusal.words))", exit: .failure)
            )
        case 400:
            return Failure(
                kind: .channel,
                error: problem(
                    "telegram.chat", "Telegram refuses the chat (400\(refusal.words))",
                    advice: "check notify.telegram.chat; the bot must be a member, or have been started there",
                    exit: .configuration))
        case 500...599:
            return Failure(
                kind: .later(response.retryAfter(now: SystemTime().now)),
                error: problem(
                    "telegram.unavailable", "the server answers \(status)", exit: .unavailable, temporary: true))
        default: return foreign("the server answers \(status), which sendMessage never does")
        }
    }

    private func foreign(_ reason: String) -> Failure {
        Failure(
            kind: .later(nil), error: problem(Self.foreignAnswer, reason, exit: .unavailable, temporary: true))
    }

    /// No gateway finds a message of so many UTF-16 code units too large.
    private static let surelySmall = 300

    /// Why Telegram says no, in words that stand here: what a server says is never repeated, since it may hold the token in any
    /// form (tdlib/telegram-bot-api and td, the errors of sendMessage).
    struct Refusal {
        private static let aboutMessage = [
            "message text is empty", "message is too long", "text must be non-empty", "text must be encoded in UTF-8",
            "can't parse entities", "MESSAGE_TOO_LONG", "text is empty", "can't parse",
        ]
        private static let aboutChat = [
            "chat not found", "chat_id is empty", "bot was blocked by the user", "user is deactivated",
            "user not found",
            "bot was kicked from the group chat", "bot was kicked from the supergroup chat",
            "bot was kicked from the channel chat", "the group chat was deleted",
            "bot is not a member of the group chat", "bot is not a member of the supergroup chat",
            "bot is not a member of the channel chat", "bot can't initiate conversation with a user",
            "bot can't send messages to bots", "bots can't send messages to bots",
            "not enough rights to send text messages to the chat", "have no rights to send a message",
            "need administrator rights in the channel chat", "have no write access to the chat",
            "group chat was upgraded to a supergroup chat", "message thread not found", "PEER_ID_INVALID",
            "CHAT_WRITE_FORBIDDEN", "CHAT_RESTRICTED", "CHAT_ADMIN_REQUIRED", "CHANNEL_PRIVATE", "USER_IS_BLOCKED",
            "TOPIC_CLOSED", "TOPIC_DELETED", "USER_IS_BOT", "INPUT_USER_DEACTIVATED",
        ]

        var isAboutMessage = false
        /// `: chat not found`, or empty.
        var words = ""

        init(_ description: String?) {
            guard let said = description?.lowercased() else { return }
            func known(_ list: [String]) -> String? { list.first { said.contains($0.lowercased()) } }
            let text = known(Self.aboutMessage)
            isAboutMessage = text != nil
            words = (text ?? known(Self.aboutChat)).map { ": \($0)" } ?? ""
        }
    }

    private var malformedToken: OperatorError {
        problem(
            "telegram.token", "the bot's token is malformed or cut short",
            advice: "put the whole token that @BotFather shows, 123456789:AA…, into the credential", exit: .credential)
    }

    private func problem(
        _ type: String, _ reason: String, advice: String? = nil, exit: ExitStatus, temporary: Bool = false
    ) -> OperatorError {
        OperatorError(
            type, doing: "sending a Telegram message", reason: reason, advice: advice, exit: exit,
            isTemporary: temporary)
    }
}
