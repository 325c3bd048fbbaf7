internal import Support
internal import Synchronization

/// The secrets that this process sends to Google: a server, or what answers in its place, may repeat what it was sent, in any encoding.
final class UsedSecrets: Sendable {
    /// Shorter parts of a URL are words.
    private static let partLength = 16

    private let known = Mutex<[Secret]>([])

    func add(_ secret: Secret) {
        known.withLock { if !$0.contains(secret) { $0.append(secret) } }
    }

    /// A session's URI, whose parts let their holder write too.
    func add(uri: Secret) {
        add(uri)
        let separators = Set("/?&=".utf8)
        let parts = uri.withUnsafeBytes { bytes in
            bytes.split { separators.contains($0) }.filter { $0.count >= Self.partLength }.map { Secret(Array($0)) }
        }
        for part in parts { add(part) }
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
