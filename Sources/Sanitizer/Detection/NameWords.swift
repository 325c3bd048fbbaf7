/// The words that names of secrets are made of, in the languages of people who keep notes about their passwords.
enum NameWords {
    static let passwords = """
        password passwords passwd passwort passwörter kennwort kennwörter pwd pass passphrase passphrases passcode pw pws pswd psw
        psswd pword passwrd pasword passwordhash mdp motdepasse passe senha contrasena contraseña contrasenya clave wachtwoord
        losenord lösenord haslo hasło heslo parola sifre şifre jelszo jelszó salasana adgangskode adgangskoden passord parole
        пароль пароля пароли 密码 密碼 口令 パスワード 비밀번호 암호 mật khẩu psk wpa wep wlan kodeord lozinka slaptazodis κωδικός סיסמה
        geheimwort losungswort şifresi sifresi parolası parolasi парола heslo
        rootpw bindpw adminpw olcrootpw userpw dbpw ftppw smtppw sudopw wlanschlüssel wlanschluessel netzwerkschlüssel
        authtok zugangscode 비번 合言葉 暗号 paasavard पासवर्ड รหัสผ่าน المرور السر عبور jelszava jelszavam Κωδικός hesla heslem hasła hasłem salasanan salasanat lösenordet
        passordet kodeordet sandinya keymaterial diceware parool lozinku gesla geslo паролем паролі паролю
        pasword paswort pasward passward 授权码 访问码 訪問碼 提取码 解压码 مرور سر باسورد الباسورد الباسوورد
        paasword passwrod passowrd passsword pssword psswrd parolă slaptažodis סיסמא
        sandi kennwoerter passwoerter unlockcode masterauth requirepass Пароль Şifre Hasło
        """

    static let pins = "geheimzahl 暗証番号 pin pincode puk tan cvv cvc cvv2 securitycode"

    static let secrets = """
        secret secrets token apikey apitoken authtoken jwt bearer accesskey secretkey privatekey authkey otp totp mfa mnemonic
        zugangsschlüssel zugangsschluessel geheimschlüssel lizenzschlüssel apischlüssel aktivierungsschlüssel
        wiederherstellungsschlüssel localprivate seedphrase geheimnis segredo secreto секрет токен 令牌 密钥 トークン nkey xoxd phpsessid jsessionid sessionid sessid connectsid
        토큰 passwordsalt refreshtoken accesstoken idtoken sessiontoken verifier pepper oauthtoken bottoken csrftoken xsrf authcode passkey apihash hapikey
        rpcauth secrete sercet secert
        """

    static let weakSecrets = """
        tokens credential credentials cred creds auth authorization authentication salt seed cookie cookies session sessions sid
        sig webhook ticket crumb pat nonce appid macaroon assertion otpauth hmac login basic jsapi token1
        """

    static let keys = "key keys ikey skey akey schlüssel schluessel clef clé chave chiave llave ключ 鍵 密鑰"

    static let qualifiers = """
        api secret private access auth encryption encrypt enc signing sign master account shared license licence app application client
        server admin service deploy deployment storage hmac jwt consumer subscription rest sdk ingest insert write root project bot
        personal developer webhook integration security crypto cipher aes rsa des ed wrapping host function activation
        registration registry upload management partner merchant ssh wireguard preshared recovery backup unlock decryption decrypt
        vault oauth oauth2 rpc internal system user session identity instance environment org organization workspace team agent
        runner provider network gateway relay proxy push notification email mail smtp maps data query read browser http https csrf cookie
        setup functions checkout enrollment enrolment join pairing bootstrap machine hotspot
        derived wallet eth btc signer validator node device product serial dev prod test live staging global tracking ingestion monitoring
        validation unseal machine bootstrap
        """

    static let tails = """
        id ids name names url urls uri uris endpoint endpoints file files filename path paths dir directory folder type types kind
        count counts counter limit limits length len size max min ttl expiry expires expired expiration expire expiring at time times
        timestamp date age days hours minutes seconds interval timeout field fields column columns header headers prefix suffix
        pattern regex format policy policies hint hints label title placeholder reset required enabled disabled enable disable
        valid invalid status state version algorithm alg algo method methods mode manager provider providers source helper handler
        callback function class struct interface parameter parameters param params config settings setting option options var
        variable ref refs reference references rotation rotate refresh scope scopes audience issuer usage used budget bucket window
        index idx digest fingerprint checksum thumbprint set pair ring chain board press up down event map mapping maps binding
        sort group order description desc text message msg error errors err page form view controller model template login link
        visible show strength score generator gen mask masked public host port user username email domain region rounds cost
        iterations exists present missing address account store lookup cache endpointurl uses per rate storage auditor word words
        lib module package plugin checker validator validation docs example examples
        change changed changer recovery prompt input box dialog dto request response requests responses list array count
        estimate estimates estimated total totals detail details stats saved remaining left sale ization
        pubkey verifierurl logs scheme schema bits size location within requirement requirements identifier
        sha md commit revision etag integrity checksums release build minimum maximum repeatable constraint constraints management info information
        """

    static let harmlessTails = """
        value val plain plaintext raw new old current confirm confirmation confirmed repeat again verify prod production dev
        development staging test live default admin user root main base hex str string primary secondary backup and for the of b
        compass bypass trespass encompass surpass overpass underpass bandpass lowpass highpass allpass subpass renderpass multipass
        buypass skipass getpass onepass firstpass secondpass midpass
        data content env my our is key token secret password local global internal external remote master client server sandbox
        """

    static let labels = """
        label lbl title msg message tooltip placeholder hint error err invalid mandatory section show forgot forget toggle
        btn button max min num total count prompt completion cached reasoning input output usage estimated has should requires
        encrypted wrapped required allow allowed hide no without missing unknown expired wrong incorrect
        """

    /// Whose or for what a `pass` is a password.
    static let passOwners = """
        db database my mysql pg pgsql postgres postgresql sql mssql redis mongo mongodb maria mariadb oracle ldap bind imap pop pop3
        usr acc acct basic web site host http ftp sftp ssh vpn wifi wlan ap sta router nas mqtt broker rabbit rabbitmq amqp
        elastic es kafka smb samba cifs nfs rsync telnet snmp sip irc xmpp os sys sudo su admin root guest default
        keystore truststore key store cert ssl tls pkcs p12 pfx jks zip archive pdf disk luks the your my enter confirm
        wp wordpress drupal joomla magento panel cpanel login account acme backup restic borg
        """

    static let publics = "public pub publishable publickey pubkey foreign partition sort shortcut hotkey"

    static let suffixes: [(StaticString, UInt32)] = [
        ("password", NameLexicon.password), ("passwd", NameLexicon.password), ("passwort", NameLexicon.password),
        ("passphrase", NameLexicon.password), ("kennwort", NameLexicon.password), ("pwd", NameLexicon.password),
        ("passcode", NameLexicon.password), ("pass", NameLexicon.password), ("secret", NameLexicon.secret),
        ("token", NameLexicon.secret), ("key", NameLexicon.key), ("pincode", NameLexicon.pin),
        ("credentials", NameLexicon.secret | NameLexicon.weak),
    ]

    /// Names in two parts, which count where a value follows them.
    static let apart = ["p/w", "pass word", "pass-word", "pass code", "pass-code", "pass phrase", "pass-phrase"]

    /// Names that hold letters beyond ASCII: JSON may have them as `\u00fc`.
    static let foreign: [(String, KeyName.Kind)] = [
        ("schlüssel", .key), ("kennwörter", .password), ("passwörter", .password), ("contraseña", .password),
        ("lösenord", .password), ("hasło", .password), ("şifre", .password), ("Şifre", .password),
        ("jelszó", .password),
        ("пароль", .password), ("Пароль", .password), ("пароля", .password), ("секрет", .secret), ("токен", .secret),
        ("密码", .password), ("密碼", .password), ("口令", .password), ("パスワード", .password), ("비밀번호", .password),
        ("암호", .password), ("令牌", .secret), ("密钥", .secret), ("トークン", .secret), ("κωδικός", .password),
        ("סיסמה", .password), ("비번", .password), ("合言葉", .password), ("पासवर्ड", .password),
        ("รหัสผ่าน", .password), ("كلمة المرور", .password), ("كلمة السر", .password), ("clé", .key),
        ("clé api", .secret), ("Clé API", .secret),
    ]

    /// A word with everything beyond ASCII as JSON escapes it.
    static func escaped(_ word: String) -> String {
        var out = ""
        for unit in word.utf16 {
            if unit < 128 {
                out.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            } else {
                let digits = String(unit, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return out
    }
}
