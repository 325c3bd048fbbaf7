public import Support

/// What a run's environment tells about why it runs.
public enum RunIdentity {
    /// A new UUIDv7 (RFC 9562) without its hyphens: sorts by time.
    public static func generate(at moment: Timestamp) -> String {
        var bytes = randomBytes(16)
        let milliseconds = UInt64(max(0, moment.microseconds / 1000))
        for index in 0..<6 { bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> UInt64(8 * (5 - index))) }
        bytes[6] = 0x70 | bytes[6] & 0x0F
        bytes[8] = 0x80 | bytes[8] & 0x3F
        return hex(bytes)
    }

    /// systemd's INVOCATION_ID, if it has its form.
    public static func invocation(in environment: [String: String]) -> String? {
        environment["INVOCATION_ID"].flatMap { isRunID($0) && $0.utf8.count == 32 ? $0 : nil }
    }

    /// Whether a text is a run's id: 32 hex digits, or a UUIDv7 with hyphens.
    public static func isRunID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let isHex: (UInt8) -> Bool = { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        if bytes.count == 32 { return bytes.allSatisfy(isHex) }
        guard bytes.count == 36, bytes[14] == UInt8(ascii: "7"), "89ab".utf8.contains(bytes[19]) else { return false }
        return bytes.enumerated().allSatisfy { [8, 13, 18, 23].contains($0) ? $1 == UInt8(ascii: "-") : isHex($1) }
    }

    /// Who started the run, as systemd tells it (systemd.exec(5): TRIGGER_UNIT, TRIGGER_TIMER_REALTIME_USEC).
    public static func trigger(in environment: [String: String]) -> RunRecord.Trigger {
        guard let unit = environment["TRIGGER_UNIT"], unit.hasSuffix(".timer") else { return .init(type: .manual) }
        let isName =
            unit.utf8.count <= 206
            && unit.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ":_.@\\-".contains($0)) }
        let elapsed = environment["TRIGGER_TIMER_REALTIME_USEC"].flatMap(Int64.init)
        return .init(
            type: .timer, unit: isName && RunRecord.Trigger.isUnitName(unit) ? unit : nil,
            scheduledAt: elapsed.flatMap { $0 > 0 ? Timestamp(microseconds: $0) : nil })
    }
}

extension RunRecord.Trigger {
    /// `unitName` of the run record's schema.
    static func isUnitName(_ text: String) -> Bool {
        ["service", "timer", "slice", "target", "socket", "path"].contains { suffix in
            text.hasSuffix("." + suffix) && (1...200).contains(text.utf8.count - suffix.utf8.count - 1)
        }
    }
}
