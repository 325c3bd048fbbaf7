internal import Support

/// The ways in which an age file fails to open; the names are those of the public test vectors (C2SP CCTV).
///
/// All of them exit 65: a flipped bit in a stanza cannot be told from a file for somebody else.
public enum AgeFailure: String, Sendable, CaseIterable {
    case header = "age-header"
    case noMatch = "age-no-match"
    case mac = "age-hmac"
    case payload = "age-payload"
    case armor = "age-armor"

    func error(_ reason: String) -> OperatorError {
        let advice: String? =
            switch self {
            case .noMatch: "give the identity of one of its recipients, or another copy of the file"
            case .mac, .payload: "do not trust this copy; fetch another one"
            case .header, .armor: "check that this is a whole age v1 file"
            }
        return OperatorError(
            rawValue, doing: "opening an age file", reason: reason, advice: advice, exit: .damagedInput)
    }
}
