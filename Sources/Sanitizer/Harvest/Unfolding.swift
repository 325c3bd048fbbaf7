internal import Glibc

/// Other readings of a text, for the search of known values: lines of base64 joined, escapes undone. Each byte knows where it came from.
///
/// Only the parts of a text that can hold such a thing are read again, so that an ordinary text costs one look at its line breaks and
/// backslashes.
struct Unfolding {
    /// The text as it reads.
    private(set) var bytes: [UInt8] = []
    /// Where each of `bytes` begins in the source, and where it ends.
    private var places: [Int32] = []
    private var ends: [Int32] = []

    /// What a range of ``bytes`` covers in the source.
    func source(of range: Range<Int>) -> Range<Int> {
        // The end of the last byte, not the start of the next: line breaks after it are none of it.
        Int(places[range.lowerBound])..<Int(ends[range.upperBound - 1])
    }

    private mutating func append(_ byte: UInt8, _ start: Int, _ end: Int) {
        bytes.append(byte)
        places.append(Int32(truncatingIfNeeded: start))
        ends.append(Int32(truncatingIfNeeded: end))
    }

    private mutating func keepLast(_ count: Int) {
        let surplus = max(0, bytes.count - count)
        bytes.removeFirst(surplus)
        places.removeFirst(surplus)
        ends.removeFirst(surplus)
    }

    // MARK: Wrapped lines

    /// The shortest run of base64 characters at a line's end that may go on in the next line. Words are shorter; base64 is wrapped at 60
    /// characters or more (RFC 2045: 76; PEM: 64), and folded YAML and notes at less.
    private static let shortestLine = 16

    /// Readings of what line breaks, backslashes and references of HTML stand in, in one walk over those: ``wrappedRun(_:at:overlap:_:)``
    /// and ``appendWord(_:around:isQuotedPrintable:blanks:overlap:)``.
    ///
    /// - Parameters:
    ///   - blanks: how many single blanks a value has at most.
    ///   - overlap: how far a form of a value reaches at most, in bytes.
    static func broken(in text: UnsafeRawBufferPointer, blanks: Int, overlap: Int, _ body: (Unfolding) -> Void) {
        var newline = ByteCursor(text, 0x0A)
        var backslash = ByteCursor(text, UInt8(ascii: "\\"))
        var ampersand = ByteCursor(text, UInt8(ascii: "&"))
        // Words with marks: many in one reading, apart from each other.
        var words = Unfolding()
        var (runEnd, wordEnd) = (0, 0)
        var index = 0
        while true {
            index = min(newline.next(from: index), backslash.next(from: index), ampersand.next(from: index))
            guard index < text.count else { break }
            if index >= runEnd, text[index] != UInt8(ascii: "&") {
                runEnd = wrappedRun(text, at: index, overlap: overlap, body) ?? runEnd
            }
            if index >= wordEnd, let isQuotedPrintable = isMark(text, at: index) {
                wordEnd = words.appendWord(
                    text, around: index, isQuotedPrintable: isQuotedPrintable, blanks: blanks, overlap: overlap)
                if words.bytes.count > piece {
                    body(words)
                    words = Unfolding()
                }
            }
            index += 1
        }
        if !words.bytes.isEmpty { body(words) }
    }

    /// The run of base64 characters that goes on over the line break at `index`, if one does, and over those that follow: real ones, and
    /// `\n` as it stands in JSON and shell strings; indentation, quotes of mail (`>`) and comment signs (`#`, `*`, `//`) at a line's start
    /// go with the break.
    ///
    /// - Returns: where the run ends.
    private static func wrappedRun(
        _ text: UnsafeRawBufferPointer, at index: Int, overlap: Int, _ body: (Unfolding) -> Void
    ) -> Int? {
        var breakStart = index
        if text[index] == 0x0A, breakStart > 0, text[breakStart - 1] == 0x0D { breakStart -= 1 }
        var start = breakStart
        let floor = max(0, breakStart - 4096)
        while start > floor, EncodedForms.isBase64(text[start - 1]) { start -= 1 }
        guard breakStart - start >= shortestLine, let next = lineStart(text, after: breakStart) else { return nil }
        var run = Unfolding()
        for place in start..<breakStart { run.append(text[place], place, place + 1) }
        var position = next
        var isWrapped = false
        while true {
            let from = position
            while position < text.count, EncodedForms.isBase64(text[position]) { position += 1 }
            guard position > from else { break }
            isWrapped = true
            for place in from..<position { run.append(text[place], place, place + 1) }
            if run.bytes.count > piece {
                body(run)
                run.keepLast(overlap)
            }
            guard let following = lineStart(text, after: position) else { break }
            position = following
        }
        if isWrapped { body(run) }
        return position
    }

    /// Where the next line's content begins, if there is a line break here.
    private static func lineStart(_ text: UnsafeRawBufferPointer, after end: Int) -> Int? {
        var index = end
        let count = text.count
        func escape(_ letter: UInt8) -> Bool {
            // `\n`, and `\\n` where JSON stands in JSON.
            var place = index
            while place < count, text[place] == UInt8(ascii: "\\"), place - index < 4 { place += 1 }
            guard place > index, place < count, text[place] == letter else { return false }
            index = place + 1
            return true
        }
        if index < count, text[index] == 0x0D { index += 1 }
        if index < count, text[index] == 0x0A {
            index += 1
        } else if index + 1 < count, text[index] == UInt8(ascii: "\\"), text[index + 1] == 0x0A {
            index += 2
        } else {
            let hadReturn = escape(UInt8(ascii: "r"))
            guard escape(UInt8(ascii: "n")) || hadReturn else { return nil }
        }
        while index < count, text[index] == 0x20 || text[index] == 9 || "\"'>#*/|".utf8.contains(text[index]) {
            // A slash is a base64 character: only the two of a comment go.
            if text[index] == UInt8(ascii: "/") {
                guard index + 2 < count, text[index + 1] == UInt8(ascii: "/"), text[index + 2] == 0x20 else { break }
                index += 1
            }
            index += 1
        }
        return index < count ? index : nil
    }

    // MARK: Marks that mean nothing

    /// Whether a word with marks goes on here, and whether in quoted-printable; nil for what stands in any text.
    private static func isMark(_ text: UnsafeRawBufferPointer, at index: Int) -> Bool? {
        func byte(_ place: Int) -> UInt8 { place >= 0 && place < text.count ? text[place] : 0 }
        switch text[index] {
        case 0x0A:
            let last = byte(index - 1) == 0x0D ? byte(index - 2) : byte(index - 1)
            return last == UInt8(ascii: "=") && byte(index + 1) > 0x20 ? true : nil
        case UInt8(ascii: "&"):
            let isReference =
                byte(index + 1) == UInt8(ascii: "#")
                && ((48...57).contains(byte(index + 2)) || byte(index + 2) | 0x20 == UInt8(ascii: "x"))
            return isReference ? false : nil
        default:
            let next = byte(index + 1)
            if next == UInt8(ascii: "n") || next == UInt8(ascii: "r") {
                // The same line breaks in a string of JSON.
                let before = byte(index - 1)
                if before == UInt8(ascii: "=") { return true }
                return next == UInt8(ascii: "n") && before == text[index] && byte(index - 2) == before ? false : nil
            }
            // Quotes and slashes are escaped in any JSON: forms of a value have them.
            return next == 0x0A || next == 0x0D || isPunctuation(next) && !"\\\"'/".utf8.contains(next) ? false : nil
        }
    }

    private static func isPunctuation(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !EncodedForms.isWord(byte)
    }

    /// Appends the word around a mark, without its marks: line breaks that quoted-printable (RFC 2045), shells and YAML take back,
    /// backslashes before punctuation (Markdown), references of HTML. They stand between and before characters and mean nothing.
    ///
    /// - Returns: where the word ends.
    private mutating func appendWord(
        _ text: UnsafeRawBufferPointer, around mark: Int, isQuotedPrintable: Bool, blanks: Int, overlap: Int
    ) -> Int {
        var start = mark
        var left = blanks
        while start > 0, mark - start < overlap {
            if text[start - 1] == 0x20, left > 0 { left -= 1 } else if text[start - 1] <= 0x20, start < mark { break }
            start -= 1
        }
        // Apart from the word before it.
        append(0, start, start)
        left = blanks
        var index = start
        while index < text.count, index - mark < overlap {
            let (length, written, more) = Unfolding.unmarked(text, at: index, isQuotedPrintable: isQuotedPrintable)
            if length == 1, let byte = written, byte <= 0x20 {
                guard byte == 0x20, left > 0 || index < mark else { break }
                if index > mark { left -= 1 }
            }
            if let written { append(written, index, index + length) }
            if let more { append(more, index, index + length) }
            index += length
        }
        return index
    }

    /// What stands at a place: how many bytes, and the one or two bytes that they mean; nil for none.
    private static func unmarked(
        _ text: UnsafeRawBufferPointer, at index: Int, isQuotedPrintable: Bool
    ) -> (length: Int, byte: UInt8?, next: UInt8?) {
        func byte(_ place: Int) -> UInt8 { place < text.count ? text[place] : 0 }
        /// The length of a line break, also as `\n` in a string; 0 where there is none.
        func lineBreak(_ place: Int) -> Int {
            if byte(place) == 0x0A { return 1 }
            if byte(place) == 0x0D, byte(place + 1) == 0x0A { return 2 }
            var end = place
            while byte(end) == UInt8(ascii: "\\") { end += 1 }
            guard end > place else { return 0 }
            if byte(end) == UInt8(ascii: "n") { return end + 1 - place }
            guard byte(end) == UInt8(ascii: "r"), byte(end + 1) == UInt8(ascii: "\\") else { return 0 }
            return end + 1 - place + lineBreak(end + 1)
        }
        let first = text[index]
        if isQuotedPrintable {
            guard first == UInt8(ascii: "=") else { return (1, first, nil) }
            let length = lineBreak(index + 1)
            if length > 0 { return (1 + length, nil, nil) }
            guard let high = hexValue(byte(index + 1)), let low = hexValue(byte(index + 2)) else {
                return (1, first, nil)
            }
            return (3, high << 4 | low, nil)
        }
        if first == UInt8(ascii: "\\") {
            var end = index
            while byte(end) == UInt8(ascii: "\\") { end += 1 }
            var after = end
            if byte(end) == 0x0A || byte(end) == 0x0D {
                after += lineBreak(end)
            } else if byte(end) == UInt8(ascii: "n"), end - index >= 3 {
                after += 1
            }
            if after > end {
                // The next line's indentation goes with it.
                while byte(after) == 0x20 || byte(after) == 9 { after += 1 }
                return (after - index, nil, nil)
            }
            return isPunctuation(byte(end)) ? (end + 1 - index, byte(end), nil) : (1, first, nil)
        }
        if first == UInt8(ascii: "&") {
            let name = UnsafeRawBufferPointer(rebasing: text[(index + 1)..<min(text.count, index + 12)]).prefix {
                $0 != UInt8(ascii: ";")
            }
            guard byte(index + 1 + name.count) == UInt8(ascii: ";") else { return (1, first, nil) }
            let reference = String(decoding: name, as: UTF8.self).lowercased()
            let value =
                reference.hasPrefix("#x")
                ? UInt16(reference.dropFirst(2), radix: 16)
                : reference.hasPrefix("#") ? UInt16(reference.dropFirst()) : named[reference]
            guard let value, value < 0x800 else { return (1, first, nil) }
            let length = name.count + 2
            // Two bytes of UTF-8 beyond ASCII.
            if value < 0x80 { return (length, UInt8(value), nil) }
            return (length, UInt8(0xC0 | value >> 6), UInt8(0x80 | value & 0x3F))
        }
        return (1, first, nil)
    }

    private static let named: [String: UInt16] = [
        "amp": 0x26, "lt": 0x3C, "gt": 0x3E, "quot": 0x22, "apos": 0x27,
    ]

    // MARK: Escapes

    private static let piece = 64 << 10

    /// The parts of a text around `\u00XX` and `%XX` that stand for printable ASCII characters, which need no escape and are written so by
    /// some encoders all the same; each with all escapes undone, up to three layers of them.
    ///
    /// - Parameter overlap: how far a form of a value reaches at most, in bytes.
    static func unescaped(in text: UnsafeRawBufferPointer, overlap: Int, _ body: (Unfolding) -> Void) {
        var index = 0
        let count = text.count
        while let found = firstEscape(text, from: index) {
            let start = max(0, found - overlap)
            let end = min(count, found + piece + overlap)
            var reading = Unfolding()
            for place in start..<end { reading.append(text[place], place, place + 1) }
            for _ in 0..<3 {
                guard let next = reading.undoingEscapes() else { break }
                reading = next
                body(reading)
            }
            index = found + piece
        }
    }

    private static func firstEscape(_ text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        // Digits, letters and marks: 0x20 to 0x7F but for the blank and what else is quoted everywhere (`%20`, `%2F`).
        var best: Int?
        var percent = ByteCursor(text, UInt8(ascii: "%"))
        var index = percent.next(from: start)
        while index + 2 < text.count {
            if (0x33...0x37).contains(text[index + 1]), hexValue(text[index + 2]) != nil {
                best = index
                break
            }
            index = percent.next(from: index + 1)
        }
        let end = best ?? text.count
        var backslash = ByteCursor(text, UInt8(ascii: "\\"))
        index = backslash.next(from: start)
        while index + 6 <= end {
            if text[index + 1] == UInt8(ascii: "u"), text[index + 2] == 0x30, text[index + 3] == 0x30,
                (0x32...0x37).contains(text[index + 4]), hexValue(text[index + 5]) != nil
            {
                return index
            }
            index = backslash.next(from: index + 1)
        }
        return best
    }

    /// One layer less; nil when there is none.
    private func undoingEscapes() -> Unfolding? {
        var out = Unfolding()
        var changed = false
        var index = 0
        func digits(_ from: Int, _ count: Int) -> UInt32? {
            guard from + count <= bytes.count else { return nil }
            var value: UInt32 = 0
            for place in from..<(from + count) {
                guard let digit = hexValue(bytes[place]) else { return nil }
                value = value << 4 | UInt32(digit)
            }
            return value
        }
        while index < bytes.count {
            let byte = bytes[index]
            var length = 1
            var written: [UInt8] = []
            if byte == UInt8(ascii: "%"), let value = digits(index + 1, 2) {
                length = 3
                written = [UInt8(value)]
            } else if byte == UInt8(ascii: "\\"), index + 1 < bytes.count {
                switch bytes[index + 1] {
                case UInt8(ascii: "u"):
                    // Surrogates stay: a value with characters beyond the first plane is found by its forms.
                    if let value = digits(index + 2, 4), let scalar = Unicode.Scalar(value) {
                        length = 6
                        written = Array(String(scalar).utf8)
                    }
                case UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "\""), UInt8(ascii: "'"):
                    length = 2
                    written = [bytes[index + 1]]
                case UInt8(ascii: "n"):
                    length = 2
                    written = [0x0A]
                case UInt8(ascii: "r"):
                    length = 2
                    written = [0x0D]
                case UInt8(ascii: "t"):
                    length = 2
                    written = [9]
                default: break
                }
            }
            let (start, end) = (Int(places[index]), Int(ends[index + length - 1]))
            if written.isEmpty {
                out.append(byte, start, Int(ends[index]))
                index += 1
                continue
            }
            changed = true
            for new in written { out.append(new, start, end) }
            index += length
        }
        return changed ? out : nil
    }
}

/// Finds the places of one byte, going forward.
private struct ByteCursor {
    private let text: UnsafeRawBufferPointer
    private let byte: UInt8
    private var found = -1

    init(_ text: UnsafeRawBufferPointer, _ byte: UInt8) {
        self.text = text
        self.byte = byte
    }

    /// The first place at or after `start`; the text's length when there is none.
    mutating func next(from start: Int) -> Int {
        if found >= start { return found }
        guard start < text.count, let base = text.baseAddress,
            let hit = memchr(base + start, Int32(byte), text.count - start)
        else {
            found = text.count
            return found
        }
        found = base.distance(to: UnsafeRawPointer(hit))
        return found
    }
}
