import Support
import Testing

@Suite struct CredentialScrubberTests {
    @Test func plainTextStays() {
        for text in [
            "push to github.com: the remote refused", "a?b", "12:30:45", "https://host/path", "Basic needs",
            "héllo «x»", "1/2/0", "an identity looks like AGE-SECRET-KEY-1…",
            "keys of plugins (AGE-PLUGIN-…)",
        ] {
            #expect(CredentialScrubber.scrub(text) == text)
        }
    }

    @Test func urlsLoseUserInformationAndQuery() {
        #expect(
            CredentialScrubber.scrub("at https://u:pw@host/p?token=x now")
                == "at https://«redacted»@host/p«redacted» now")
        #expect(CredentialScrubber.scrub("Authorization: Bearer abcdefgh1234") == "Authorization: «redacted»")
    }

    @Test func aCredentialGoesAndTheWordsAroundItStay() {
        let tail = String(repeating: "Ab3_", count: 9)
        for secret in [
            "gh" + "p_" + String(repeating: "a", count: 12), "GOC" + "SPX-" + tail, "12345678" + ":" + tail,
            "AGE-SECRET" + "-KEY-1" + String(repeating: "QZ4X", count: 14),
        ] {
            #expect(CredentialScrubber.scrub("before \(secret), after\nnext") == "before «redacted», after\nnext")
        }
    }

    @Test func encodingsHideNothing() {
        let secret = "1//0" + "gAbCdEfGhIjKlMnOp"
        let percent = secret.utf8.map { $0 == 47 ? "%2F" : String(UnicodeScalar($0)) }.joined()
        for text in [
            percent, percent.replacing("%", with: "%25"), secret.replacing("/", with: "&#47;"),
            secret.replacing("/", with: "&#x2f;"), secret.replacing("/", with: "\\/"),
            secret.replacing("/", with: "\\u002f"),
        ] {
            #expect(CredentialScrubber.scrub("said refresh_token=\(text) here") == "said «redacted» here", "\(text)")
        }
        #expect(!CredentialScrubber.scrub("at https:%2F%2Fh%2Fp%3Fx=%2520TAIL-OF-IT").contains("TAIL"))
        for text in ["50% of 100%", "a%2Fb", "x &amp; y", "C:\\users", "%zz %4", "&#;", "&#xzz;", "\\u12"] {
            #expect(CredentialScrubber.scrub(text) == text)
        }
    }

    @Test func whatMayBeASecretIsKnown() {
        for text in [
            String(repeating: "0f", count: 16), "gh" + "p_" + String(repeating: "a", count: 12),
            "AbCdEfGhIjKlMnOpQrStUvWx",
        ] {
            #expect(CredentialScrubber.mayHoldSecret(text), "\(text)")
        }
        for text in [
            "backup-push", "emergency-bundle", "quarterly", "restore-drill-reminder", "/home/uma/.config/hermes-ops/x",
        ] {
            #expect(!CredentialScrubber.mayHoldSecret(text), "\(text)")
        }
    }
}
