/// A gitignore-like pattern over path bytes.
///
/// With a slash at its start or in its middle it is anchored at the root, else it matches the last component at any depth. `*` and
/// `?` stay within a component, `**` crosses them, `[a-z]` and `[!a-z]` are sets of bytes, `\` takes the next byte as it is. A
/// trailing slash stands for the folder and all below it.
///
/// A class, because every path is held against many of them, and a copy of one costs more than most matches.
final class Glob: Sendable {
    private enum Token: Sendable, Equatable {
        case byte(UInt8)
        case anyByte
        case set([Bool])
        case star
        /// `**/`: any number of whole components.
        case components
        /// `**` elsewhere: anything.
        case everything
    }

    private enum Shape: Sendable {
        case exact([UInt8])
        case below([UInt8])
        case name([UInt8])
        case nameSuffix([UInt8])
        case general([Token])
        case nameGeneral([Token])
    }

    private let shape: Shape
    /// The longest run of bytes that stands in whatever it matches: most paths lack it.
    private let needle: [UInt8]
    /// The folder that everything it matches lies below or is, as far as the pattern says so literally; nil when unanchored.
    let literalPrefix: [UInt8]?

    /// The name it stands for at any depth, when it is no more than a name.
    var literalName: [UInt8]? {
        if case .name(let name) = shape { name } else { nil }
    }
    /// The folder of the root that everything it matches lies below or is, when the pattern names one.
    let rootFolder: [UInt8]?
    /// Whether it matches paths of one component alone.
    let isOfRoot: Bool

    /// Nil when the pattern is empty or a set in it is not closed.
    init?(_ pattern: some StringProtocol) {
        var bytes = Array(pattern.utf8)
        guard !bytes.isEmpty else { return nil }
        if bytes.last == UInt8(ascii: "/") { bytes += Array("**".utf8) }
        let anchored = bytes.contains(UInt8(ascii: "/"))
        if bytes.first == UInt8(ascii: "/") { bytes.removeFirst() }
        guard let tokens = Glob.parse(bytes), !tokens.isEmpty else { return nil }
        func literal(_ tokens: ArraySlice<Token>) -> [UInt8]? {
            var out: [UInt8] = []
            for token in tokens {
                guard case .byte(let byte) = token else { return nil }
                out.append(byte)
            }
            return out
        }
        var runs: [[UInt8]] = [[]]
        for token in tokens {
            if case .byte(let byte) = token { runs[runs.count - 1].append(byte) } else { runs.append([]) }
        }
        needle = runs.max { $0.count < $1.count } ?? []
        let leading = tokens.prefix {
            if case .byte = $0 { true } else { false }
        }
        literalPrefix = anchored ? literal(leading) : nil
        let slash = UInt8(ascii: "/")
        if let literalPrefix, let end = literalPrefix.firstIndex(of: slash) {
            rootFolder = Array(literalPrefix[..<end])
        } else {
            rootFolder = nil
        }
        isOfRoot =
            anchored
            && !tokens.contains { $0 == .byte(slash) || $0 == .components || $0 == .everything }
        if anchored {
            if let exact = literal(tokens[...]) {
                shape = .exact(exact)
            } else if tokens.last == .everything, tokens.dropLast().last == .byte(UInt8(ascii: "/")),
                let folder = literal(tokens.dropLast())
            {
                shape = .below(folder)
            } else {
                shape = .general(tokens)
            }
        } else if let name = literal(tokens[...]) {
            shape = .name(name)
        } else if tokens.first == .star, let suffix = literal(tokens.dropFirst()) {
            shape = .nameSuffix(suffix)
        } else {
            shape = .nameGeneral(tokens)
        }
    }

    private static func parse(_ bytes: [UInt8]) -> [Token]? {
        var tokens: [Token] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "*"):
                guard index < bytes.count, bytes[index] == byte else {
                    tokens.append(.star)
                    continue
                }
                index += 1
                let startsComponent = tokens.isEmpty || tokens.last == .byte(UInt8(ascii: "/"))
                if startsComponent, index < bytes.count, bytes[index] == UInt8(ascii: "/") {
                    index += 1
                    tokens.append(.components)
                } else {
                    tokens.append(.everything)
                }
            case UInt8(ascii: "?"): tokens.append(.anyByte)
            case UInt8(ascii: "\\") where index < bytes.count:
                tokens.append(.byte(bytes[index]))
                index += 1
            case UInt8(ascii: "["):
                var set = [Bool](repeating: false, count: 256)
                let negated =
                    index < bytes.count && (bytes[index] == UInt8(ascii: "!") || bytes[index] == UInt8(ascii: "^"))
                if negated { index += 1 }
                let first = index
                while index < bytes.count, bytes[index] != UInt8(ascii: "]") || index == first {
                    if index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "-"),
                        bytes[index + 2] != UInt8(ascii: "]")
                    {
                        if bytes[index] <= bytes[index + 2] {
                            for member in bytes[index]...bytes[index + 2] { set[Int(member)] = true }
                        }
                        index += 3
                    } else {
                        set[Int(bytes[index])] = true
                        index += 1
                    }
                }
                guard index < bytes.count else { return nil }
                index += 1
                if negated { set = set.map { !$0 } }
                set[Int(UInt8(ascii: "/"))] = false
                tokens.append(.set(set))
            default: tokens.append(.byte(byte))
            }
        }
        return tokens
    }

    /// Whether a path relative to the root matches.
    func matches(_ path: ArraySlice<UInt8>) -> Bool {
        switch shape {
        case .exact(let exact): return path.elementsEqual(exact)
        case .below(let folder): return path.count > folder.count && path.starts(with: folder)
        case .name(let name):
            guard path.count >= name.count, path.suffix(name.count).elementsEqual(name) else { return false }
            return path.count == name.count || path[path.endIndex - name.count - 1] == UInt8(ascii: "/")
        case .nameSuffix(let suffix):
            guard path.count >= suffix.count, path.last == suffix.last else { return false }
            return path.suffix(suffix.count).elementsEqual(suffix)
        case .general(let tokens):
            if let literalPrefix, !path.starts(with: literalPrefix) { return false }
            guard holdsNeedle(path) else { return false }
            return Glob.matches(tokens, path)
        case .nameGeneral(let tokens):
            guard holdsNeedle(path) else { return false }
            let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? path.startIndex
            return Glob.matches(tokens, path[start...])
        }
    }

    private func holdsNeedle(_ path: ArraySlice<UInt8>) -> Bool {
        guard let first = needle.first else { return true }
        return path.withUnsafeBufferPointer { path in
            guard path.count >= needle.count else { return false }
            for start in 0...(path.count - needle.count) where path[start] == first {
                var length = 1
                while length < needle.count, path[start + length] == needle[length] { length += 1 }
                if length == needle.count { return true }
            }
            return false
        }
    }

    /// Whether the folder itself is what a `folder/**` pattern is about.
    func coversAll(below folder: ArraySlice<UInt8>) -> Bool {
        if matches(folder) { return true }
        // Two names no sane home holds: what matches both matches all.
        return matches(folder + Array("/\u{1}".utf8)) && matches(folder + Array("/\u{1}/\u{1}".utf8))
    }

    /// The set of token positions after each byte: linear in the path, whatever the pattern.
    private static func matches(_ tokens: [Token], _ path: ArraySlice<UInt8>) -> Bool {
        withUnsafeTemporaryAllocation(of: Bool.self, capacity: 2 * (tokens.count + 1)) { memory in
            let halves = (memory.prefix(tokens.count + 1), memory.suffix(tokens.count + 1))
            return matches(
                tokens, path, UnsafeMutableBufferPointer(rebasing: halves.0),
                UnsafeMutableBufferPointer(rebasing: halves.1))
        }
    }

    private static func matches(
        _ tokens: [Token], _ path: ArraySlice<UInt8>, _ first: UnsafeMutableBufferPointer<Bool>,
        _ second: UnsafeMutableBufferPointer<Bool>
    ) -> Bool {
        var (current, next) = (first, second)
        func close(_ positions: UnsafeMutableBufferPointer<Bool>, atComponentStart: Bool) {
            for index in 0..<tokens.count where positions[index] {
                switch tokens[index] {
                case .star, .everything: positions[index + 1] = true
                case .components: if atComponentStart { positions[index + 1] = true }
                default: break
                }
            }
        }
        current.initialize(repeating: false)
        current[0] = true
        close(current, atComponentStart: true)
        for byte in path {
            next.initialize(repeating: false)
            let isSlash = byte == UInt8(ascii: "/")
            for index in 0..<tokens.count where current[index] {
                switch tokens[index] {
                case .byte(let wanted): if wanted == byte { next[index + 1] = true }
                case .anyByte: if !isSlash { next[index + 1] = true }
                case .set(let set): if set[Int(byte)] { next[index + 1] = true }
                case .star: if !isSlash { next[index] = true }
                case .everything, .components: next[index] = true
                }
            }
            close(next, atComponentStart: isSlash)
            swap(&current, &next)
        }
        return current[tokens.count]
    }
}
