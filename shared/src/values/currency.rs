//! A currency by its ISO 4217 code.

use std::str::FromStr;

use postgres_types::ToSql;
use serde::Deserialize;

use super::{Unacceptable, unacceptable};

/// One of [`CODES`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSql)]
#[serde(try_from = "String")]
#[postgres(transparent)]
pub struct Currency(String);

impl Currency {
    pub fn usd() -> Currency {
        Currency("USD".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.0
    }
}

impl TryFrom<String> for Currency {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Currency, Unacceptable> {
        if CODES.binary_search(&text.as_str()).is_ok() {
            return Ok(Currency(text));
        }
        unacceptable("must be a currency by its ISO 4217 code, such as USD")
    }
}

impl FromStr for Currency {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Currency, Unacceptable> {
        text.to_owned().try_into()
    }
}

/// Sorted. Also those that went out of use of late, which old prices are in; without metals, units of account and codes
/// for tests, which have no minor unit that a price could be in.
#[rustfmt::skip]
pub(super) const CODES: [&str; 170] = [
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD",
    "BIF", "BMD", "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHE",
    "CHF", "CHW", "CLF", "CLP", "CNY", "COP", "COU", "CRC", "CUC", "CUP", "CVE", "CZK", "DJF", "DKK",
    "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF",
    "GTQ", "GYD", "HKD", "HNL", "HRK", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD",
    "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR",
    "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK",
    "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK",
    "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK",
    "SGD", "SHP", "SLE", "SLL", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT",
    "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "USN", "UYI", "UYU", "UYW", "UZS",
    "VED", "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
    "ZWL",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_one_that_things_are_paid_in() {
        assert!(CODES.is_sorted());
        for code in ["USD", "EUR", "JPY", "CHF", "XOF", "HRK"] {
            assert!(code.parse::<Currency>().is_ok(), "{code}");
        }
        for code in ["", "usd", "US", "USDT", "ZZZ", "ABC", "XXX", "XTS", "XAU", "BTC", " USD", "U\u{0}D"] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }
}
