/// Text that was encoded on its way through forms, URLs, pages or JSON, so that what stands in it does not look like what it is.
public enum EncodedText {
    /// So many encodings on top of each other are taken off.
    static let layers = 3

    /// The text, and what it says once its encodings are taken off, one after another.
    public static func readings(of text: [UInt8]) -> [[UInt8]] {
        var readings = [text]
        for _ in 0..<layers {
            let last = readings[readings.count - 1]
            let next = decoded(last)
            if next == last { break }
            readings.append(next)
        }
        return readings
    }

    /// Without one layer of percent signs, HTML's character references and JSON's escapes.
    static func decoded(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let rest = text[index...]
            if let (bytes, length) = percent(rest) ?? reference(rest) ?? escape(rest) {
                out += bytes
                index += length
            } else {
                out.append(text[index])
                index += 1
            }
        }
        return out
    }

    private static func number(_ digits: some Sequence<UInt8>, _ radix: Int) -> UInt32? {
        UInt32(String(decoding: Array(digits), as: UTF8.self), radix: radix)
    }

    private static func scalar(_ value: UInt32?) -> [UInt8]? {
        value.flatMap(Unicode.Scalar.init).map { Array(String($0).utf8) }
    }

    /// `%41`
    private static func percent(_ text: ArraySlice<UInt8>) -> ([UInt8], Int)? {
        guard text.first == UInt8(ascii: "%"), text.count >= 3, let value = number(text.dropFirst().prefix(2), 16)
        else {
            return nil
        }
        return ([UInt8(value)], 3)
    }

    /// `&#65;`, `&#x41;`, `&amp;`
    private static func reference(_ text: ArraySlice<UInt8>) -> ([UInt8], Int)? {
        guard text.first == UInt8(ascii: "&"), let end = text.prefix(12).firstIndex(of: UInt8(ascii: ";")) else {
            return nil
        }
        let name = text[(text.startIndex + 1)..<end]
        let length = end - text.startIndex + 1
        if name.first == UInt8(ascii: "#") {
            let digits = name.dropFirst()
            let isHex = digits.first == UInt8(ascii: "x") || digits.first == UInt8(ascii: "X")
            return scalar(isHex ? number(digits.dropFirst(), 16) : number(digits, 10)).map { ($0, length) }
        }
        let names = [
            "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "sol": "/", "equals": "=", "colon": ":",
        ]
        return names[String(decoding: name, as: UTF8.self)].map { (Array($0.utf8), length) }
    }

    /// `\u0041`, `\/`
    private static func escape(_ text: ArraySlice<UInt8>) -> ([UInt8], Int)? {
        guard text.first == UInt8(ascii: "\\"), let kind = text.dropFirst().first else { return nil }
        if kind == UInt8(ascii: "/") { return ([kind], 2) }
        guard kind == UInt8(ascii: "u"), text.count >= 6 else { return nil }
        return scalar(number(text.dropFirst(2).prefix(4), 16)).map { ($0, 6) }
    }
}
