//! The offices' words for the catalogue's codes.

/// The Japanese word; the code itself if there is none.
pub(super) fn word(code: &'static str) -> &'static str {
    match code {
        // Programmes.
        "active" => "積極的支援",
        "motivational" => "動機付け支援",
        "severity" => "重症化予防",
        "smoking" => "禁煙",
        "walking" => "歩数・運動",
        "diet" => "栄養",
        "completed" => "終了",
        "withdrew" => "中断",
        "declined" => "辞退",
        "ongoing" => "実施中",
        "invited" => "案内",
        // Events.
        "vaccination" => "予防接種",
        "allergy" => "アレルギー",
        "care" => "要介護認定",
        "leave" => "休職",
        "stress" => "ストレスチェック",
        "influenza" => "インフルエンザ",
        "covid19" => "新型コロナ",
        "zoster" => "帯状疱疹",
        "cedar-pollen" => "スギ花粉",
        "penicillin" => "ペニシリン",
        "egg" => "鶏卵",
        "shrimp" => "えび",
        "buckwheat" => "そば",
        "contrast-medium" => "造影剤",
        "latex" => "ラテックス",
        // As a code of 休職; the programme of that name is not written.
        "mental" => "メンタルヘルス",
        "illness" => "私傷病",
        "support1" => "要支援1",
        "support2" => "要支援2",
        "care1" => "要介護1",
        "care2" => "要介護2",
        "care3" => "要介護3",
        "care4" => "要介護4",
        "care5" => "要介護5",
        "high_stress" => "高ストレス",
        "not_high_stress" => "高ストレスでない",
        "mild" => "軽度",
        "moderate" => "中等度",
        "severe" => "重度",
        // Consent.
        "any" => "すべて",
        "GRU" => "研究一般",
        "HMB" => "健康・医療・生命科学",
        "academia" => "大学・研究機関",
        "pharma" => "製薬企業",
        "public" => "公的機関",
        "lifelog" => "ライフログ",
        code => code,
    }
}
