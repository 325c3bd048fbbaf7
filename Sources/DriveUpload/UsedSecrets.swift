internal import Support
internal import Synchronization

/// The secrets that this process sends to Google: a server, or what answers in its place, may repeat what it was sent, in any encoding.
final class UsedSecrets: Sendable {
    /// Shorter values of a query are words.
    private static let valueLength = 16

    private let known = Mutex<[Secret]>([])

    func add(_ secret: Secret) {
        known.withLock { if !$0.contains(secret) { $0.append(secret) } }
    }

    /// A session's URI, whose query lets its holder write too.
    func add(uri: Secret) {
        add(uri)
        let values = uri.withUnsafeBytes { bytes in
            bytes.split { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "&") }.dropFirst()
                .map { pair in Array(pair.drop { $0 != UInt8(ascii: "=") }.dropFirst()) }
        }
        for value in values where value.count >= Self.valueLength { add(Secret(value)) }
    }

    /// A server's words, for people: without anything like a credential, and not at all where they hold one of these.
    func hide(_ text: String) -> String {
        let readings = EncodedText.readings(of: Array(text.utf8))
        let isRepeated = known.withLock { known in
            known.contains { secret in
                secret.withUnsafeBytes { secret in
                    !secret.isEmpty && readings.contains { $0.firstRange(of: secret) != nil }
                }
            }
        }
        return isRepeated ? "«redacted»" : CredentialScrubber.scrub(text)
    }
}
