internal import Support

/// Git's packet lines (gitprotocol-common(5)): four hexadecimal digits of length, themselves counted, then the bytes.
enum PacketLine: Equatable {
    case data(ArraySlice<UInt8>)
    case flush

    /// The next line of a buffer, and what follows it; nil if the buffer does not hold all of it yet.
    static func next(in bytes: ArraySlice<UInt8>) throws -> (line: PacketLine, rest: ArraySlice<UInt8>)? {
        guard bytes.count >= 4 else { return nil }
        var length = 0
        for byte in bytes.prefix(4) {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 128 else { throw broken }
            length = length << 4 | digit
        }
        if length == 0 { return (.flush, bytes.dropFirst(4)) }
        // 1 to 3 are marks of protocol version 2, which was not asked for.
        guard length >= 4 else { throw broken }
        guard bytes.count >= length else { return nil }
        return (.data(bytes.dropFirst(4).prefix(length - 4)), bytes.dropFirst(length))
    }

    /// A line with these bytes, at most 65516 of them.
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        let digits = String(bytes.count + 4, radix: 16)
        return Array(String(repeating: "0", count: 4 - digits.utf8.count).utf8) + Array(digits.utf8) + bytes
    }

    static func encode(_ text: String) -> [UInt8] { encode(Array(text.utf8)) }

    static let flushBytes = Array("0000".utf8)

    static var broken: OperatorError {
        OperatorError(
            "git.protocol", doing: "talking to the git server", reason: "its answer is not git's protocol",
            advice: "check that repository.remote is the address of a git repository", exit: .unavailable)
    }
}

/// What a git server tells first: its references and what it can do (gitprotocol-pack(5), version 0).
struct Advertisement {
    private(set) var references: [[UInt8]: ObjectID] = [:]
    private(set) var capabilities: Set<String> = []

    /// Parses the answer to `info/refs?service=…`, or what the process prints first. `hasService` says that a `# service=` line and
    /// a flush come before, as over HTTP.
    init(_ bytes: [UInt8], service: String?) throws {
        var rest = bytes[...]
        func line() throws -> PacketLine {
            guard let (line, after) = try PacketLine.next(in: rest) else { throw PacketLine.broken }
            rest = after
            return line
        }
        if let service {
            guard case .data(let bytes) = try line(), trim(bytes).elementsEqual(Array("# service=\(service)".utf8)),
                case .flush = try line()
            else { throw PacketLine.broken }
        }
        var isFirst = true
        while case .data(let bytes) = try line() {
            var bytes = trim(bytes)
            if bytes.starts(with: Array("ERR ".utf8)) {
                throw OperatorError(
                    "git.server", doing: "talking to the git server", reason: printable(bytes.dropFirst(4), limit: 300))
            }
            if isFirst {
                isFirst = false
                if let end = bytes.firstIndex(of: 0) {
                    let words = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
                    capabilities = Set(words.map { String(decoding: $0, as: UTF8.self) })
                    try Self.requireSHA1(capabilities)
                    bytes = bytes[..<end]
                }
            }
            if bytes.starts(with: Array("shallow ".utf8)) { continue }
            guard bytes.count > 41, bytes[bytes.startIndex + 40] == UInt8(ascii: " "),
                let id = ObjectID(hex: String(decoding: bytes.prefix(40), as: UTF8.self))
            else { throw PacketLine.broken }
            let name = Array(bytes.dropFirst(41))
            // A repository without references says so under this name.
            if name != Array("capabilities^{}".utf8) { references[name] = id }
        }
    }

    /// The names of another kind of repository are longer, and none of this program's objects would fit in.
    private static func requireSHA1(_ capabilities: Set<String>) throws {
        let formats = capabilities.filter { $0.hasPrefix("object-format=") }.map { $0.dropFirst(14) }
        guard let format = formats.first, !formats.contains("sha1") else { return }
        throw OperatorError(
            "git.unsupported", doing: "talking to the git server",
            reason: "its repository names its objects by \(printable(String(format), limit: 20)), and this program can "
                + "work with sha1 alone",
            advice: "make the remote anew, as `git init --bare --object-format=sha1` does", exit: .configuration)
    }

    private func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes
    }

    func target(of reference: String) -> ObjectID? { references[Array(reference.utf8)] }
}

/// Takes the sideband apart (channel 1 data, 2 progress, 3 a fatal error) as bytes arrive.
struct Sideband {
    private var buffer: [UInt8] = []
    /// What the server said to people, bounded.
    private(set) var text: [UInt8] = []
    /// Bounded too.
    private(set) var fatal: [UInt8]?
    private(set) var isEnded = false

    /// Takes bytes, hands on those of channel 1.
    mutating func take(_ bytes: UnsafeRawBufferPointer, data: (ArraySlice<UInt8>) throws -> Void) throws {
        buffer.append(contentsOf: bytes)
        var rest = buffer[...]
        while let (line, after) = try PacketLine.next(in: rest) {
            rest = after
            switch line {
            case .flush:
                isEnded = true
            case .data(let bytes):
                switch bytes.first {
                case 1: try data(bytes.dropFirst())
                case 2: if text.count < 64 << 10 { text += bytes.dropFirst() }
                // It is the last thing that a server says.
                case 3: if fatal == nil { fatal = Array(bytes.dropFirst().prefix(4096)) }
                // Before the pack, the answer to the negotiation that did not take place.
                default:
                    guard bytes.elementsEqual(Array("NAK\n".utf8)) else { throw PacketLine.broken }
                }
            }
        }
        buffer = Array(rest)
    }
}

/// What a push ended with (gitprotocol-pack(5), "Report Status").
struct PushReport {
    /// `ok`, or why the server could not take the pack.
    private(set) var unpack = ""
    /// By reference: nil for accepted, else why not.
    private(set) var references: [[UInt8]: String?] = [:]

    init(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while let (line, after) = try PacketLine.next(in: rest), case .data(var bytes) = line {
            rest = after
            if bytes.last == UInt8(ascii: "\n") { bytes = bytes.dropLast() }
            let words = bytes.split(separator: UInt8(ascii: " "), maxSplits: 2)
            let first = words.first.map { String(decoding: $0, as: UTF8.self) }
            switch (first, words.count) {
            case ("unpack", 2...): unpack = printable(bytes.dropFirst(7), limit: 300)
            case ("ok", 2...): references[Array(words[1])] = .some(nil)
            case ("ng", 2...):
                references[Array(words[1])] = words.count > 2 ? printable(words[2], limit: 300) : "no reason"
            default: continue
            }
        }
    }
}
