internal import Support

extension BundleManifest {
    /// The entries of a manifest as their JSON, one a line.
    struct EntryLines {
        private(set) var bytes: [UInt8] = []
        /// Where the digest of the last entry stands, if it has one.
        private(set) var digestPlace = 0
        private var isFirst = true

        /// Forgets the lines; those that come go on behind them.
        mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

        /// Puts a file's digest in its place.
        mutating func set(sha256: [UInt8], at place: Int) {
            precondition(place >= 0 && place + 2 * sha256.count <= bytes.count, "a digest has its place in the lines")
            bytes.withUnsafeMutableBufferPointer {
                writeHex(sha256, to: UnsafeMutableBufferPointer(rebasing: $0[place..<place + 2 * sha256.count]))
            }
        }

        /// Appends what `JSONEncoder` makes of the entry, with its keys sorted and slashes as they are.
        mutating func append(_ entry: Entry) {
            if !isFirst { bytes.append(",\n") }
            isFirst = false
            bytes.append("{\"kind\":\"")
            bytes += entry.kind.rawValue.utf8
            bytes.append("\",\"mode\":\"")
            bytes += entry.mode.utf8
            bytes.append("\",\"modified\":")
            bytes.append(decimal: entry.modified)
            bytes.append(",\"path\":")
            append(entry.path)
            if let sha256 = entry.sha256 {
                bytes.append(",\"sha256\":\"")
                digestPlace = bytes.count
                bytes += sha256.utf8
                bytes.append(Self.quote)
            }
            if let size = entry.size {
                bytes.append(",\"size\":")
                bytes.append(decimal: size)
            }
            if let target = entry.target {
                bytes.append(",\"target\":")
                append(target)
            }
            bytes.append(UInt8(ascii: "}"))
        }

        private mutating func append(_ path: BundlePath) {
            let isPlainASCII = path.bytes.allSatisfy { Self.isPlain($0) && $0 < 128 }
            guard isPlainASCII || String(validating: path.bytes, as: UTF8.self) != nil else {
                bytes.append("{\"base64\":\"")
                bytes += Base64.encode(path.bytes, padding: .required)
                bytes.append("\"}")
                return
            }
            bytes.append(Self.quote)
            if isPlainASCII { bytes += path.bytes } else { appendEscaped(path.bytes) }
            bytes.append(Self.quote)
        }

        private mutating func appendEscaped(_ text: [UInt8]) {
            for byte in text {
                switch byte {
                case Self.quote, Self.backslash: bytes += [Self.backslash, byte]
                case 8: bytes += "\\b".utf8
                case 9: bytes += "\\t".utf8
                case 10: bytes += "\\n".utf8
                case 12: bytes += "\\f".utf8
                case 13: bytes += "\\r".utf8
                case 0..<32: bytes += "\\u00\(hex([byte]))".utf8
                default: bytes.append(byte)
                }
            }
        }

        private static let quote = UInt8(ascii: "\"")
        private static let backslash = UInt8(ascii: "\\")
        private static func isPlain(_ byte: UInt8) -> Bool { byte >= 32 && byte != quote && byte != backslash }

        /// Reads an entry's JSON if ``append(_:)`` could have made it without an escape or base64. Nil: a general decoder has to
        /// look at it.
        static func read(_ json: UnsafeBufferPointer<UInt8>) -> Entry? {
            var reader = Reader(rest: json)
            guard let entry = reader.entry(), reader.isAtEnd else { return nil }
            return entry
        }

        private struct Reader {
            var rest: UnsafeBufferPointer<UInt8>
            private var position = 0

            init(rest: UnsafeBufferPointer<UInt8>) { self.rest = rest }

            var isAtEnd: Bool { position == rest.count }

            mutating func take(_ text: StaticString) -> Bool {
                let count = text.utf8CodeUnitCount
                guard rest.count - position >= count else { return false }
                for index in 0..<count where rest[position + index] != text.utf8Start[index] { return false }
                position += count
                return true
            }

            /// Up to the next quotation mark; nil where something is escaped, or is not text.
            private mutating func string() -> ArraySlice<UInt8>? {
                let start = position
                while position < rest.count {
                    let byte = rest[position]
                    position += 1
                    if byte == EntryLines.quote { return Array(rest[start..<(position - 1)])[...] }
                    guard EntryLines.isPlain(byte) else { return nil }
                }
                return nil
            }

            private mutating func text() -> String? {
                string().flatMap { String(validating: $0, as: UTF8.self) }
            }

            private mutating func path() -> BundlePath? {
                guard let bytes = string(),
                    bytes.allSatisfy({ $0 < 128 }) || String(validating: bytes, as: UTF8.self) != nil
                else { return nil }
                return BundlePath(bytes)
            }

            /// Digits without a zero before them, of a number that fits.
            private mutating func number<Number: FixedWidthInteger & SignedInteger>() -> Number? {
                let isNegative = take("-")
                let start = position
                var value: Number = 0
                while position < rest.count, (48...57).contains(rest[position]) {
                    let digit = Number(rest[position] - 48)
                    let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
                    let (sum, isTooLargeNow) = tens.addingReportingOverflow(digit)
                    if isTooLarge || isTooLargeNow { return nil }
                    value = sum
                    position += 1
                }
                guard position > start, rest[start] != 48 || position == start + 1 else { return nil }
                return isNegative ? -value : value
            }

            mutating func entry() -> Entry? {
                guard take("{\"kind\":\""), let kind = text().flatMap(Kind.init), take(",\"mode\":\""),
                    let mode = text(),
                    take(",\"modified\":"), let modified: Int128 = number(), take(",\"path\":\""), let path = path()
                else { return nil }
                var entry = Entry(path, kind, permissions: 0, modified: modified)
                entry.mode = mode
                if take(",\"sha256\":\"") {
                    guard let sha256 = text() else { return nil }
                    entry.sha256 = sha256
                }
                if take(",\"size\":") {
                    guard let size: Int64 = number() else { return nil }
                    entry.size = size
                }
                if take(",\"target\":\"") {
                    guard let target = self.path() else { return nil }
                    entry.target = target
                }
                return take("}") ? entry : nil
            }
        }
    }
}
