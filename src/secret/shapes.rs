//! Tokens that are known by how they look. Each is a beginning that its maker reserved, and then a run of characters.
//!
//! To add one: a row here from the maker's own documentation, and an example in the test below.

/// Which bytes a token is made of behind its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// Letters and digits.
    Letters,
    /// Digits and `a` to `f`.
    Hexadecimal,
    /// Capitals and digits.
    Capitals,
    /// Letters, digits, `-` and `_`.
    Url,
    /// The same with the dot.
    Dotted,
    /// Base64 with its padding, and what else stands in tokens.
    Base64,
    /// What may stand between `://` and `@`.
    Credentials,
    /// The lines of a key file, also when they are quoted in JSON; never a quote, which ends a JSON text.
    KeyFile,
}

impl Alphabet {
    pub(super) fn holds(self, byte: u8) -> bool {
        let other: &[u8] = match self {
            Self::Letters => b"",
            Self::Hexadecimal => return byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Capitals => return byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            Self::Url => b"-_",
            Self::Dotted => b"-_.",
            Self::Base64 => b"-_+/=.",
            Self::Credentials => return byte.is_ascii_graphic() && !b"/@\"'<>`\\{}()[]|".contains(&byte),
            Self::KeyFile => b"+/= \t\r\n:,\\-.",
        };
        byte.is_ascii_alphanumeric() || other.contains(&byte)
    }
}

/// A token that is known by how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What it is, as readers are told.
    pub name: &'static str,
    /// How it begins.
    pub beginning: &'static str,
    /// What it is made of from there on.
    pub alphabet: Alphabet,
    /// So many of these at least.
    pub least: usize,
    /// So many at most: a longer run is something else. 0: without end.
    pub most: usize,
    /// This byte is among them at least so often.
    pub with: Option<(u8, usize)>,
    /// This byte follows; it is not part of the token.
    pub before: Option<u8>,
    /// Whether a commit of turnstile's that would add one is refused. Where tests are full of made-up ones, it is not.
    pub refused: bool,
}

const fn shape(name: &'static str, beginning: &'static str, alphabet: Alphabet, least: usize) -> Shape {
    Shape { name, beginning, alphabet, least, most: 0, with: None, before: None, refused: true }
}

const fn exactly(name: &'static str, beginning: &'static str, alphabet: Alphabet, length: usize) -> Shape {
    Shape { most: length, ..shape(name, beginning, alphabet, length) }
}

/// How a key file ends.
pub(super) const KEY_FILE_END: &[u8] = b"-----END ";

use Alphabet::{Base64, Capitals, Credentials, Dotted, Hexadecimal, KeyFile, Letters, Url};

/// All of them.
pub const SHAPES: &[Shape] = &[
    // Models and agents.
    shape("Anthropic key", "sk-ant-", Url, 24),
    shape("OpenRouter key", "sk-or-v1-", Url, 32),
    shape("OpenAI key", "sk-proj-", Url, 32),
    shape("OpenAI key", "sk-svcacct-", Url, 32),
    shape("OpenAI key", "sk-admin-", Url, 32),
    shape("OpenAI key", "sk-", Letters, 32),
    shape("Hugging Face token", "hf_", Letters, 30),
    shape("Groq key", "gsk_", Letters, 40),
    shape("xAI key", "xai-", Letters, 60),
    shape("Perplexity key", "pplx-", Letters, 40),
    shape("Replicate token", "r8_", Letters, 37),
    shape("NVIDIA key", "nvapi-", Url, 40),
    shape("Tavily key", "tvly-", Url, 24),
    shape("LangSmith key", "lsv2_pt_", Url, 32),
    shape("LangSmith key", "lsv2_sk_", Url, 32),
    // Where code lives.
    shape("GitHub token", "ghp_", Letters, 36),
    shape("GitHub token", "gho_", Letters, 36),
    shape("GitHub token", "ghu_", Letters, 36),
    shape("GitHub token", "ghs_", Dotted, 36),
    shape("GitHub token", "ghr_", Letters, 36),
    shape("GitHub token", "github_pat_", Url, 36),
    shape("GitLab token", "glpat-", Dotted, 20),
    shape("GitLab token", "gldt-", Dotted, 20),
    shape("GitLab token", "glrt-", Dotted, 20),
    shape("GitLab token", "glcbt-", Dotted, 20),
    shape("GitLab token", "glptt-", Dotted, 20),
    shape("GitLab token", "glft-", Dotted, 20),
    shape("GitLab token", "glagent-", Dotted, 20),
    shape("GitLab token", "glsoat-", Dotted, 20),
    shape("GitLab token", "gloas-", Dotted, 20),
    shape("Bitbucket token", "ATBB", Letters, 28),
    shape("Atlassian token", "ATATT3", Base64, 60),
    shape("Atlassian token", "ATCTT3", Base64, 60),
    shape("Sourcegraph token", "sgp_", Url, 32),
    shape("Linear key", "lin_api_", Letters, 32),
    // Registries.
    shape("npm token", "npm_", Letters, 36),
    shape("PyPI token", "pypi-AgE", Url, 50),
    shape("RubyGems key", "rubygems_", Hexadecimal, 48),
    exactly("crates.io token", "cio", Letters, 32),
    shape("Docker token", "dckr_pat_", Url, 24),
    shape("Docker token", "dckr_oat_", Url, 24),
    // Clouds.
    exactly("AWS access key", "AKIA", Capitals, 16),
    exactly("AWS access key", "ASIA", Capitals, 16),
    exactly("AWS access key", "ABIA", Capitals, 16),
    exactly("AWS access key", "ACCA", Capitals, 16),
    exactly("Google key", "AIza", Url, 35),
    shape("Google token", "ya29.", Dotted, 30),
    shape("Google secret", "GOCSPX-", Url, 24),
    shape("Azure storage key", "AccountKey=", Base64, 40),
    shape("Azure DevOps token", "SharedAccessSignature=", Base64, 40),
    shape("DigitalOcean token", "dop_v1_", Hexadecimal, 64),
    shape("DigitalOcean token", "doo_v1_", Hexadecimal, 64),
    shape("DigitalOcean token", "dor_v1_", Hexadecimal, 64),
    exactly("Alibaba access key", "LTAI", Letters, 20),
    shape("Fly.io token", "fo1_", Url, 40),
    shape("Fly.io token", "fm2_", Base64, 80),
    shape("Heroku key", "HRKU-AA", Url, 50),
    shape("Supabase token", "sbp_", Hexadecimal, 40),
    shape("PlanetScale token", "pscale_tkn_", Dotted, 32),
    shape("PlanetScale password", "pscale_pw_", Dotted, 32),
    exactly("Databricks token", "dapi", Hexadecimal, 32),
    shape("Pulumi token", "pul-", Hexadecimal, 40),
    shape("Doppler token", "dp.pt.", Letters, 40),
    shape("Doppler token", "dp.st.", Dotted, 40),
    shape("Vault token", "hvs.", Url, 24),
    shape("Vault token", "hvb.", Url, 24),
    shape("1Password token", "ops_eyJ", Base64, 80),
    // Services.
    Shape { with: Some((b'-', 2)), ..shape("Slack token", "xoxb-", Url, 24) },
    Shape { with: Some((b'-', 2)), ..shape("Slack token", "xoxp-", Url, 24) },
    Shape { with: Some((b'-', 1)), ..shape("Slack token", "xoxa-", Url, 24) },
    Shape { with: Some((b'-', 1)), ..shape("Slack token", "xoxr-", Url, 24) },
    Shape { with: Some((b'-', 1)), ..shape("Slack token", "xoxs-", Url, 24) },
    shape("Slack token", "xoxe.", Dotted, 24),
    Shape { with: Some((b'-', 3)), ..shape("Slack token", "xapp-", Url, 24) },
    Shape { with: Some((b'/', 2)), ..shape("Slack webhook", "hooks.slack.com/services/", Base64, 30) },
    Shape { with: Some((b'/', 1)), ..shape("Discord webhook", "discord.com/api/webhooks/", Base64, 60) },
    Shape { with: Some((b'.', 1)), ..shape("SendGrid key", "SG.", Dotted, 50) },
    shape("Stripe key", "sk_live_", Letters, 24),
    shape("Stripe key", "rk_live_", Letters, 24),
    shape("Stripe key", "sk_test_", Letters, 24),
    shape("Stripe key", "rk_test_", Letters, 24),
    shape("Stripe webhook secret", "whsec_", Base64, 32),
    shape("Square token", "sq0atp-", Url, 22),
    shape("Square secret", "sq0csp-", Url, 40),
    shape("Shopify token", "shpat_", Hexadecimal, 32),
    shape("Shopify token", "shpss_", Hexadecimal, 32),
    shape("Shopify token", "shpca_", Hexadecimal, 32),
    shape("Shopify token", "shppa_", Hexadecimal, 32),
    exactly("Twilio key", "SK", Hexadecimal, 32),
    exactly("Mailgun key", "key-", Hexadecimal, 32),
    shape("Grafana token", "glsa_", Url, 32),
    shape("Grafana token", "glc_eyJ", Base64, 32),
    shape("Sentry token", "sntrys_", Base64, 50),
    shape("Sentry token", "sntryu_", Hexadecimal, 60),
    shape("New Relic key", "NRAK-", Letters, 27),
    shape("Postman key", "PMAK-", Url, 50),
    shape("Figma token", "figd_", Url, 32),
    shape("Notion token", "ntn_", Letters, 40),
    shape("Contentful token", "CFPAT-", Url, 40),
    shape("Typeform token", "tfp_", Dotted, 40),
    // Keys without a maker.
    shape("age key", "AGE-SECRET-KEY-1", Capitals, 50),
    shape("private key", "-----BEGIN PRIVATE KEY-----", KeyFile, 40),
    shape("private key", "-----BEGIN RSA PRIVATE KEY-----", KeyFile, 40),
    shape("private key", "-----BEGIN EC PRIVATE KEY-----", KeyFile, 40),
    shape("private key", "-----BEGIN DSA PRIVATE KEY-----", KeyFile, 40),
    shape("private key", "-----BEGIN OPENSSH PRIVATE KEY-----", KeyFile, 40),
    shape("private key", "-----BEGIN ENCRYPTED PRIVATE KEY-----", KeyFile, 40),
    shape("private key", "-----BEGIN PGP PRIVATE KEY BLOCK-----", KeyFile, 40),
    // Tests are full of these.
    Shape { with: Some((b'.', 2)), refused: false, ..shape("JSON web token", "eyJ", Dotted, 40) },
    Shape {
        with: Some((b':', 1)),
        before: Some(b'@'),
        refused: false,
        ..shape("password in an address", "://", Credentials, 3)
    },
];
